/** Reads a delivery as a task of a worker, or says why it is none. Never throws. */
import { createHash, randomUUID } from 'node:crypto';
import { bodyHashOf } from '../broker/body-hash.ts';
import { keyText, textOf } from '../broker/texts.ts';
import type { Delivery, Message } from '../broker/source.ts';
import type { Origin } from '../domain/origin.ts';
import { HEADER, readClaimKey } from '../domain/names.ts';
import { LONGEST_REST, type NewTask } from '../domain/tasks.ts';
import type { Read } from '../intake/intake.ts';

/** A worker's own word on which message it is, and with which others it belongs. Never settles where the worker stops first. */
export type Identify = (body: Buffer) => Promise<{ id: string | null; key: string | null }>;

interface Rules {
  /** Null where the worker has no word on it. */
  identify: Identify | null;
  /** The id as people may see it. */
  labelOf: (id: string) => string;
  worker: string;
  /** The consumer group, on Kafka. */
  group: string;
  /** Whether tasks of one key are handled one after the other. */
  isOrdered: boolean;
  mostBytes: number;
}

/** Headers that publishers use for an id, where AMQP's own property is empty. */
const ID_HEADERS = ['message-id', 'id'];
/** MongoDB allows keys of 1,024 bytes; the worker's name and the generation are in it, too. */
const MOST_ID_BYTES = 512;

type Delivered = Message &
  Pick<Delivery, 'receivedAt' | 'origin' | 'key' | 'messageId' | 'headers'>;

/**
 * The id is the worker's own, else the message's, else that of the dead letter that it is, else on Kafka its place, else a fresh one:
 * then a message that is delivered twice is handled twice.
 */
export function readTask(
  delivery: Delivered,
  rules: Rules,
): Read<NewTask> | Promise<Read<NewTask>> {
  const { identify } = rules;
  if (identify === null) return taskOf(delivery, rules, { id: null, key: null });
  return identify(delivery.body).then(
    (known) => taskOf(delivery, rules, known),
    (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return { ok: false, reason: `its id or key cannot be read: ${why}` };
    },
  );
}

function taskOf(
  delivery: Delivered,
  { labelOf, mostBytes, worker, group, isOrdered }: Rules,
  known: Awaited<ReturnType<Identify>>,
): Read<NewTask> {
  const { body, properties, trouble, receivedAt, origin, failedGeneration, token } = delivery;
  if (trouble !== null) return { ok: false, reason: `headers that cannot be kept: ${trouble}` };
  const headers = delivery.headers();
  const id =
    known.id ??
    delivery.messageId ??
    ID_HEADERS.map((name) => named(headers[name])).find((each) => each !== null) ??
    (failedGeneration === null ? null : idOfLetter(headers[HEADER.item], worker)) ??
    placeOf(origin, group) ??
    randomUUID();
  if (Buffer.byteLength(id) > MOST_ID_BYTES)
    return { ok: false, reason: `its id is longer than ${MOST_ID_BYTES} bytes` };
  const ofBroker = delivery.key === null ? named(headers[HEADER.key]) : keyText(delivery.key);
  const key = known.key ?? ofBroker;
  const item: NewTask = {
    id,
    label: labelOf(id),
    key,
    ...chainOf(key, isOrdered),
    bodyHash: bodyHashOf(body),
    message: { body: body.toString('base64'), properties },
    ...{ receivedAt, failedGeneration, origin },
    ...laterThan(receivedAt, headers[HEADER.notBefore]),
    ...(token === undefined ? {} : { token }),
  };
  const size = encodedBytes(item);
  if (size <= mostBytes) return { ok: true, item };
  return { ok: false, reason: `too large with its headers: ${size} bytes` };
}

/** Nothing for a time that has come already, is more than a year away, or is none. */
function laterThan(now: number, told: unknown): { notBefore?: number } {
  const notBefore = Number(told);
  return notBefore > now && notBefore <= now + LONGEST_REST ? { notBefore } : {};
}

/** Short, and no word of what may be a person's name. */
export const chainOf = (key: string | null, isOrdered: boolean): { chain?: string } =>
  isOrdered && key !== null
    ? { chain: createHash('sha256').update(key).digest('hex').slice(0, 16) }
    : {};

/** An id or a key in a header: texts and whole numbers name something, and nothing else does. */
function named(value: unknown): string | null {
  const text = Buffer.isBuffer(value) ? textOf(value) : value;
  if (typeof text === 'string' && text !== '') return text;
  return Number.isSafeInteger(text) ? String(text) : null;
}

/** Of a dead letter of this worker, whose message had no id. */
function idOfLetter(claim: unknown, worker: string): string | null {
  const item = readClaimKey(String(claim))?.id ?? '';
  return item.startsWith(`${worker}/`) ? item.slice(worker.length + 1) : null;
}

/** A topic that is made anew has another id, so that its messages do not look done already. */
const placeOf = (origin: Origin, group: string): string | undefined =>
  origin.broker === 'kafka'
    ? `${group}:${origin.topicId}:${origin.partition}:${origin.offset}`
    : undefined;

/** What a task adds to the run's input, near enough. */
export const encodedBytes = ({ message, id, label, key }: NewTask): number =>
  message.body.length +
  Buffer.byteLength(message.properties) +
  Buffer.byteLength(id) +
  Buffer.byteLength(key ?? '') +
  label.length +
  400;
