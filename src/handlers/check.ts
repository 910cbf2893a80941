/** Loads files of workers in a process of their own: in this one, what is loaded once stays as it was. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `rules`: what only a restart changes, to be compared. `reason`: each file at fault, with its line. */
export type Checked = { ok: true; rules: string } | { ok: false; reason: string };

const CHILD = fileURLToPath(new URL('./check-child.js', import.meta.url));
const LOAD_MS = 60_000;

const isChecked = (message: unknown): message is Checked =>
  typeof message === 'object' && message !== null && 'ok' in message;

/** Never throws. */
export function checkFiles(
  paths: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Checked> {
  return new Promise((resolve) => {
    const child = fork(CHILD, [...paths], {
      env: { ...env },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      timeout: LOAD_MS,
      killSignal: 'SIGKILL',
    });
    const end = (reason: string) => resolve({ ok: false, reason });
    child.once('message', (message) => {
      if (isChecked(message)) resolve(message);
    });
    child.once('error', (error) => end(String(error)));
    child.once('exit', (code, signal) =>
      end(`a file of workers ended its process when it was loaded (${signal ?? code})`),
    );
  });
}
