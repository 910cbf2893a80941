import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { why } from '../doctor/diagnosis.ts';
import { originsOf, type CodecToken } from '../temporal/codec-access.ts';
import { serveCodec } from '../temporal/codec-server.ts';
import type { Config } from '../config/schema.ts';
import { codecKeysOf } from '../temporal/keys.ts';
import { createPayloadCodec } from '../temporal/payload-codec.ts';
import { listOption, wholeNumber } from './arguments.ts';
import { announce, print, untilSignal } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { loadProcess } from './load-process.ts';
import { examples } from './examples.ts';

interface CodecOptions {
  host: string;
  port?: number;
  origin: string[];
}

/** As docs/how-to/read-temporal-web.md names it. */
const PORT = 8234;

export function addCodec(program: Command): void {
  program
    .command('codec')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option(
      '--port <number>',
      `on which port (0: any free one; default: that of TEMPORAL_CODEC_URL, else ${PORT})`,
      wholeNumber(0, 65_535),
    )
    .addOption(
      listOption(
        '--origin <url...>',
        'pages that may ask, beside TEMPORAL_WEB_URL, such as https://temporal.example',
      ),
    )
    .addHelpText(
      'after',
      `
Uses the keys of encryption.keyFile or ENCRYPTION_KEYS. It answers whoever has the token: CODEC_TOKEN as "Authorization:
Bearer <token>", or the path of TEMPORAL_CODEC_URL, for the user alone who started this. Without either it makes a token,
and prints the address that has it. In Temporal Web: the glasses at the top right, "Codec Server browser endpoint", that
address, "Apply", reload (docs/how-to/read-temporal-web.md).
${examples(
  ['For the Temporal Web of "npm start"', 'despachante codec --origin http://localhost:8233'],
  [
    'On another port, for a Temporal Web that others host',
    'despachante codec --port 8300 --origin https://temporal.example',
  ],
)}`,
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
      const stopped = untilSignal(log);
      const origins = pagesOf([...origin, config.temporal.webUrl ?? 'http://localhost:8233']);
      const known = tokensOf(config);
      const made = known.length === 0 ? randomBytes(16).toString('hex') : null;
      const tokens = made === null ? known : [{ secret: made, ownUserOnly: true }];
      const { codecUrl } = config.temporal;
      const server = await serveCodec({
        host,
        port: port ?? portOf(codecUrl),
        hosts: codecUrl === null ? [host] : [host, new URL(codecUrl).hostname],
        origins,
        codec: createPayloadCodec(keys),
        namespace: config.temporal.namespace,
        tokens,
        log,
      });
      const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`;
      announce({ url });
      log.info({ url, origins }, 'The codec server is running');
      if (made !== null) print(`Codec Server browser endpoint: ${url}/${made}`);
      await stopped;
      await server.close();
    });
}

const portOf = (url: string | null): number => Number((url && new URL(url).port) || PORT);

/** Those that are known from elsewhere. A path is one only when it is long enough not to be guessed. */
function tokensOf({ codecToken, temporal }: Config): CodecToken[] {
  const path = temporal.codecUrl === null ? '' : new URL(temporal.codecUrl).pathname.slice(1);
  return [
    ...(codecToken === null ? [] : [{ secret: codecToken, ownUserOnly: false }]),
    ...(path.length < 16 ? [] : [{ secret: path, ownUserOnly: true }]),
  ];
}

/** Their origins, each once. @throws CommandError for what is no page */
function pagesOf(pages: readonly string[]): string[] {
  try {
    return [...new Set(pages.flatMap(originsOf))];
  } catch (error) {
    throw new CommandError(why(error), EXIT.usage);
  }
}
