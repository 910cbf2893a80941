/** Places where a test can have a process die as in a crash: DESPACHANTE_FAILPOINT=<name>, or <name>:<n> for the n-th passage. */
import { writeSync } from 'node:fs';
import type { Log } from './log.ts';

/** In the order in which a registration comes by, and then a task. */
export const FAILPOINTS = [
  'intake-parsed',
  'intake-malformed-confirmed',
  'intake-starting',
  'intake-started',
  'intake-acknowledged',
  'claim-writing',
  'claim-written',
  'takeover-taken',
  'submit-opening',
  'submit-opened',
  'submit-answered',
  'submit-closed',
  'doubt-decided',
  'poll-asking',
  'poll-answered',
  'persist-writing',
  'persist-written',
  'route-concluded',
  'route-confirmed',
  'settle-written',
  'sweep-starting',
  'sweep-started',
  'handle-beginning',
  'file-claimed',
  'file-parked',
  'file-sending',
  'file-answered',
  'handle-ended',
  'handle-recorded',
  'file-moved',
  'publish-confirmed',
  'bury-concluded',
  'bury-confirmed',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

interface Armed {
  name: Failpoint;
  /** Passages that are left, the deadly one included. */
  left: number;
}

let armed: Armed | null = null;

export function readFailpoint(setting: string): Armed | null {
  const [, word, passage = '1'] = /^([a-z-]+)(?::([1-9]\d{0,5}))?$/.exec(setting) ?? [];
  const name = FAILPOINTS.find((each) => each === word);
  return name === undefined ? null : { name, left: Number(passage) };
}

/** Once, at the start of a process. */
export function armFailpoint(setting: string | null, log: Log): void {
  armed = setting === null ? null : readFailpoint(setting);
  const sentence = 'A failpoint is set: this process is going to kill itself there. For tests only';
  if (armed !== null) log.error({ runbook: 'start-warnings', failpoint: setting }, sentence);
}

/** Passes the place, or dies there: nothing after it is done, nothing is flushed, no handler runs. */
export function failpoint(name: Failpoint): void {
  if (armed === null || armed.name !== name) return;
  armed.left -= 1;
  if (armed.left > 0) return;
  const line = { level: 60, failpoint: name, msg: 'Killed by its failpoint' };
  writeSync(2, `${JSON.stringify(line)}\n`);
  process.kill(process.pid, 'SIGKILL');
}
