/** `despachante etl` as a real process, on real servers, in a folder and a database of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { atEnd, testDatabase, uniqueName, type Ending } from './servers.ts';
import { TEST_KEYS } from './system.ts';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** A resource as the example program takes it. */
export const resource = (n: number, more: object = {}): Record<string, unknown> => ({
  id: `r-${n}`,
  source: 'MessagingSystem',
  title: `Title ${n}`,
  creation_date: '2020-01-01T17:16:52.228009',
  message: 'text',
  tags: ['music'],
  author: 'Ana',
  ...more,
});

export const resources = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => resource(n));

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Nothing is waited for, and nothing fails. */
export const AT_ONCE = { PROCESSING_TIME: '0', DELAY_TIME: '0', FAILURE_RATE: '0' };

export async function etlPlace(t: Ending) {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-etl-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  const { db } = await testDatabase(t);
  const own = {
    DESPACHANTE_MONGODB_DATABASE: db.databaseName,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: uniqueName(),
    DESPACHANTE_SWEEPER_ENABLED: 'false',
    DESPACHANTE_LOG_FORMAT: 'json',
    ENCRYPTION_KEYS: TEST_KEYS,
  };
  const at = (name: string): string => join(folder, name);

  function start(args: string[], env: Record<string, string> = AT_ONCE) {
    const child = spawn(process.execPath, [CLI, 'etl', ...args], {
      cwd: folder,
      env: { ...process.env, ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    atEnd(t, () => void child.kill('SIGKILL'));
    const both = Promise.all([text(child.stdout), text(child.stderr)]);
    const ended: Promise<Ended> = once(child, 'close').then(async ([code]: unknown[]) => {
      const [out, err] = await both;
      return { code: typeof code === 'number' ? code : null, out, err };
    });
    return { child, ended, kill: (signal: NodeJS.Signals) => (child.kill(signal), ended) };
  }

  return {
    ...{ at, db },
    start,
    run: (args: string[], env?: Record<string, string>): Promise<Ended> => start(args, env).ended,
    write: (name: string, content: string | Buffer): string => {
      writeFileSync(at(name), content);
      return name;
    },
    /** The output as it is now. */
    output: (name = 'output.json'): Record<string, unknown>[] =>
      JSON.parse(readFileSync(at(name), 'utf8')) as Record<string, unknown>[],
    errors: (name = 'errors.ndjson'): Record<string, unknown>[] =>
      readFileSync(at(name), 'utf8')
        .split('\n')
        .filter((each) => each !== '')
        .map((each) => JSON.parse(each) as Record<string, unknown>),
  };
}

/** Serves by HTTP until the test ends. */
export async function serve(t: Ending, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  return `http://127.0.0.1:${typeof bound === 'object' ? (bound?.port ?? 0) : 0}`;
}
