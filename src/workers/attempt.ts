/** One attempt of a worker's handler, from the bytes to its end. Runs where the code of the worker is; never throws. */
import { bisect } from './bisect.ts';
import type { Call, Ended } from './call.ts';
import { delivered, openOutbox, taskOf, telling, type Around } from './context.ts';
import { returned, stopped, thrown } from './ended.ts';
import { isTemporary } from './errors.ts';
import { readMessage, type Read } from './message.ts';
import type { InBatches, One, Worker } from './worker.ts';

export async function attempt(worker: Worker, call: Call, around: Around): Promise<Ended> {
  const read = await readCall(worker, call, around);
  if (read.kind !== 'read') return read;
  const { by } = read;
  if (by.kind === 'one') return handleOne(worker, by, read, around);
  const [ended = LOST] = await handleTogether(worker, by, [read], around);
  return ended;
}

/** One end for each call, in their order. Those of a worker without batches are made side by side. */
export async function attemptBatch(
  worker: Worker,
  calls: readonly Call[],
  around: Around,
): Promise<Ended[]> {
  const { work } = worker;
  if (work.kind !== 'batch') return Promise.all(calls.map((call) => attempt(worker, call, around)));
  const all = await Promise.all(calls.map((call) => readCall(worker, call, around)));
  const sound = all.filter((each) => each.kind === 'read');
  const ends = await handleTogether(worker, work, sound, around);
  return all.map((each) => (each.kind === 'read' ? (ends.shift() ?? LOST) : each));
}

/** For the compiler: each call has an end. */
const LOST: Ended = { kind: 'interrupted' };

interface Sound extends Read {
  call: Call;
}

async function readCall(worker: Worker, call: Call, around: Around): Promise<Sound | Ended> {
  try {
    const read = await readMessage(worker.work, call.body, call.contentEncoding);
    return read.kind === 'read' ? { ...read, call } : read;
  } catch (error) {
    return thrown(error, worker, around.signal);
  }
}

async function handleOne(worker: Worker, by: One, { call, message }: Sound, around: Around) {
  const outbox = openOutbox(call.key);
  const { publish } = outbox;
  try {
    const context = { ...taskOf(worker.name, call, around), signal: around.signal, publish };
    const value = await by.handle(message, context);
    return endOf(value, worker, call, around, outbox.close());
  } catch (error) {
    return thrown(error, worker, around.signal);
  } finally {
    outbox.close();
  }
}

const handleTogether = (worker: Worker, by: InBatches, all: Sound[], around: Around) =>
  bisect(
    all,
    (some) => callOnce(worker, by, some, around),
    (error) => isTemporary(error) || by.whenItThrows === 'retry',
    (error) => thrown(error, worker, around.signal),
  );

/** @throws whatever the handler throws */
async function callOnce(
  worker: Worker,
  by: InBatches,
  all: readonly Sound[],
  around: Around,
): Promise<Ended[]> {
  if (all.length === 0) return [];
  if (around.signal.aborted) return all.map(() => stopped(around.signal));
  const open = all.map((sound) => ({ ...sound, outbox: openOutbox(sound.call.key) }));
  const items = open.map(({ call, message, outbox: { publish } }) => ({
    ...delivered(worker.name, call),
    ...{ message, publish },
  }));
  const batch = { ...telling(around, { worker: worker.name }), signal: around.signal };
  try {
    const outcomes = await by.handle(items, batch);
    if (!Array.isArray(outcomes) || outcomes.length !== all.length)
      return all.map(() => badBatch(outcomes, all.length));
    return open.map(({ call, outbox }, index) => {
      const outcome: unknown = outcomes[index];
      return endOf(outcome, worker, call, around, outbox.close());
    });
  } finally {
    for (const { outbox } of open) outbox.close();
  }
}

function badBatch(outcomes: unknown, size: number): Ended {
  const got = Array.isArray(outcomes) ? `${outcomes.length} outcomes` : 'no list of outcomes';
  const reason = `handleBatch returned ${got} for ${size} messages; it returns one for each, in their order`;
  return { kind: 'again', class: 'bad-batch-result', reason, retryAfter: null };
}

/** An error that is returned is one that is thrown: so `retry()` and `reject()` work, and a caught error is no result. */
const endOf = (
  value: unknown,
  worker: Worker,
  { key }: Call,
  { signal }: Around,
  outgoing: Parameters<typeof returned>[3],
): Ended =>
  value instanceof Error ? thrown(value, worker, signal) : returned(value, worker, key, outgoing);
