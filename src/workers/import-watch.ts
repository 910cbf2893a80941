/** Names a file whose import does not end. From a thread of its own: such a file may keep this one busy for ever. */
import { Worker } from 'node:worker_threads';

const SLOW_MS = 10_000;

const script = (ms: number): string => `
const { parentPort } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let late;
parentPort.on('message', (file) => {
  clearTimeout(late);
  const words = \`The import of \${file} goes on and on: nothing starts before it has ended\\n\`;
  late = setTimeout(() => writeSync(2, words), ${ms});
});`;

/** @param ms until a file is named, on stderr */
export function watchImports(ms = SLOW_MS): {
  begins: (file: string) => void;
  close: () => Promise<unknown>;
} {
  // What is preloaded into this process is not for it.
  const thread = new Worker(script(ms), { eval: true, execArgv: [], env: { NODE_OPTIONS: '' } });
  thread.unref();
  return { begins: (file) => thread.postMessage(file), close: () => thread.terminate() };
}
