import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { announce, print, untilSignal } from './context.ts';
import { examples } from './examples.ts';
import { CommandError, EXIT } from './exit.ts';
import { wholeNumber } from './arguments.ts';
import { loadProcess } from './load-process.ts';
import { why } from '../doctor/diagnosis.ts';

/** The next one after those of intake, worker and tasks. */
const PORT = 9467;

interface PageOptions {
  host: string;
  port: number;
  environment?: string;
}

export function addPage(program: Command): void {
  program
    .command('page')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <number>', 'on which port (0: any free one)', wholeNumber(0, 65_535), PORT)
    .option('--environment <name>', 'shown at the top, such as production')
    .addHelpText(
      'after',
      `
On this machine alone, it prints a link that signs in whoever opens it, as an operator. PAGE_TOKEN is a token for operators, who type
their names with it; PAGE_VIEW_TOKEN is one for those who only look. Behind a proxy that signs its users in, page.proxy says whom to
believe. Without any of these no address but 127.0.0.1 is taken, and on another one no link signs anybody in. All that is done here is
written down: "despachante actions" (docs/explain/security.md).
${examples(
  ['On this machine', 'despachante page'],
  ['Named, on another port', 'despachante page --environment production --port 9500'],
)}`,
    )
    .action(async ({ host, port, environment }: PageOptions, command: Command) => {
      const { config, log } = loadProcess(command, 'page');
      if (!config.ops.enabled)
        throw new CommandError('There is no page: OPS_ENABLED is false', EXIT.usage);
      const { pageToken, pageViewToken } = config;
      const keys = [
        ...(pageToken === null
          ? []
          : [{ name: null, role: 'operator', mayReveal: false, secret: pageToken } as const]),
        ...(pageViewToken === null
          ? []
          : [{ name: 'viewer', role: 'viewer', mayReveal: false, secret: pageViewToken } as const]),
      ];
      const stopped = untilSignal(log);
      const { servePage } = await import('../page/serve.ts');
      const server = await servePage({
        ...{ config, host, port, environment: environment ?? null, starter: userName(), keys, log },
      }).catch((error: unknown) => {
        throw new CommandError(why(error), EXIT.usage);
      });
      const url = `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/`;
      const link = server.token === null ? url : `${url}#token=${server.token}`;
      announce({ url: link });
      log.info({ url }, 'The operations page is running');
      // Whoever has started us shows it, and our output is a file then.
      if (process.send === undefined) print(link);
      await stopped;
      await server.close();
      log.info({}, 'The process has stopped');
    });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'operator';
  }
}
