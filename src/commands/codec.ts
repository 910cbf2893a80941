import type { Command } from 'commander';
import { serveCodec } from '../codec-server.ts';
import { codecKeysOf } from '../data-converter.ts';
import { createPayloadCodec } from '../payload-codec.ts';
import { wholeNumber } from './arguments.ts';
import { CommandError, EXIT, announce, loadProcess, untilSignal } from './context.ts';

interface CodecOptions {
  host: string;
  port?: number;
  origin: string[];
}

/** As docs/security.md names it. */
const PORT = 8234;

export function addCodec(program: Command): void {
  program
    .command('codec')
    .description('decrypt what Temporal Web and its CLI show, for those who are allowed')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option(
      '--port <number>',
      `on which port (0: any free one; default: that of TEMPORAL_CODEC_URL, else ${PORT})`,
      wholeNumber(0, 65_535),
    )
    .option(
      '--origin <url...>',
      'pages that may ask, beside TEMPORAL_WEB_URL, such as https://temporal.example',
      [],
    )
    .addHelpText(
      'after',
      `
Uses the keys of encryption.keyFile or ENCRYPTION_KEYS. With CODEC_TOKEN in the environment it wants
"Authorization: Bearer <token>"; on another address than this machine's own it insists on one. In Temporal Web: the
glasses at the top right, "Codec Server browser endpoint", http://127.0.0.1:${PORT}, "Apply", reload (docs/security.md).

Example: despachante codec --origin http://localhost:8233`,
    )
    .action(async ({ host, port, origin }: CodecOptions, command: Command) => {
      const { config, log } = loadProcess(command, 'codec');
      const keys = codecKeysOf(config);
      if (keys.reading === null) {
        throw new CommandError(
          `There is no key to decrypt with: neither ENCRYPTION_KEYS nor ${config.encryption.keyFile}`,
          EXIT.usage,
        );
      }
      const { webUrl, codecUrl } = config.temporal;
      const origins = [...origin, webUrl ?? 'http://localhost:8233'].flatMap(originsOf);
      const stopped = untilSignal(log);
      const server = await serveCodec({
        host,
        port: port ?? portOf(codecUrl),
        origins,
        codec: createPayloadCodec(keys),
        namespace: config.temporal.namespace,
        token: config.codecToken,
        log,
      });
      const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`;
      announce({ url });
      log.info({ url, origins, token: config.codecToken !== null }, 'The codec server is running');
      await stopped;
      await server.close();
    });
}

const portOf = (url: string | null): number => Number((url && new URL(url).port) || PORT);

/** A browser on this machine may know it by either name. */
function originsOf(url: string): string[] {
  if (!URL.canParse(url)) {
    throw new CommandError(`"${url}" is no address such as http://localhost:8233`, EXIT.usage);
  }
  const { origin } = new URL(url);
  return [
    ...new Set([
      origin,
      origin.replace('//127.0.0.1', '//localhost'),
      origin.replace('//localhost', '//127.0.0.1'),
    ]),
  ];
}
