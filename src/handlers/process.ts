/** Handlers in a process of their own. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Log } from '../runtime/log.ts';
import { eachLine } from './lines.ts';
import type { HandlerModule } from './handler-module.ts';
import type { Order, Place, PlaceEvents, Told } from './protocol.ts';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
/** For what it printed last; a process that it started may hold its output open for longer. */
const LAST_WORDS_MS = 500;
/** To end by itself when it is asked to. */
const LEAVE_MS = 2_000;
/** Of V8, such as `FATAL ERROR: … JavaScript heap out of memory`. */
const FATAL = /^FATAL ERROR/;

export interface ProcessOptions {
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
}

const isTold = (message: unknown): message is Told[] => Array.isArray(message);

/**
 * Starts it. In a group of its own: a Ctrl-C in the terminal does not reach it, and what it started is killed with it.
 * JSON over the channel: measured at a third of the cost of the `advanced` serialisation.
 */
export function startProcess(
  module: HandlerModule,
  { env, log }: ProcessOptions,
  events: PlaceEvents,
): Place {
  const fail = (error: unknown): void => events.died(`it cannot be started: ${String(error)}`);
  const nowhere: Place = { pid: 0, send() {}, leave() {}, kill() {} };
  let child: ChildProcess;
  try {
    // It may begin after its parent has ended, so that it must be told whose it is.
    child = fork(CHILD, [String(process.pid)], {
      env: { ...env },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
  } catch (error) {
    // Short of memory; other faults come as an event.
    setImmediate(fail, error);
    return nowhere;
  }
  const { pid = 0 } = child;
  if (pid === 0) {
    child.once('error', fail);
    return nowhere;
  }
  let lastError: string | null = null;
  let outbox: Order[] = [];

  function flush(): void {
    const orders = outbox;
    outbox = [];
    // Whether it got there, its death tells.
    child.send(orders, () => {});
  }
  function send(orders: Order[]): void {
    if (outbox.length === 0) setImmediate(flush);
    outbox.push(...orders);
  }
  /** False where nobody is left of it. */
  function endGroup(): boolean {
    try {
      return process.kill(-pid, 'SIGKILL');
    } catch {
      return false;
    }
  }
  function kill(): void {
    if (!endGroup()) child.kill('SIGKILL');
  }

  child.on('message', (message: unknown) => {
    if (!isTold(message)) return;
    for (const told of message) if (told[0] === 'fault') lastError = told[1];
    events.told(message);
  });
  // Of a message or a signal that came too late.
  child.on('error', () => {});
  // Its channel and its output are read to their ends first: what it told before it died counts.
  child.once('exit', (code, signal) => {
    endGroup();
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const end = (): void => {
      clearTimeout(late);
      child.removeAllListeners();
      events.died(lastError === null ? how : `${how}: ${lastError}`);
    };
    const late = setTimeout(end, LAST_WORDS_MS);
    child.once('close', end);
  });
  if (child.stdout !== null)
    eachLine(child.stdout, (line) => log.info({ pid, stream: 'stdout' }, line));
  if (child.stderr !== null)
    eachLine(child.stderr, (line) => {
      if (FATAL.test(line)) lastError = line;
      log.warn({ runbook: 'handlers-fail', pid, stream: 'stderr' }, line);
    });
  send([['open', module]]);

  return {
    pid,
    send,
    leave(): void {
      if (child.connected) child.disconnect();
      const late = setTimeout(kill, LEAVE_MS);
      child.once('exit', () => clearTimeout(late));
    },
    kill,
  };
}
