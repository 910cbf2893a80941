// What every contestant gets, so that they differ only in how they keep their work: the HTTP client with the settings of
// src/registrations/legacy.ts, the cadence of polls, the consumer, the writes to MongoDB, and the start signal of the bench.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { MongoClient } from 'mongodb';
import { Pool } from 'undici';

/** Milliseconds from accepted to the first GET, and from one GET to the next. */
export const firstPollMs = 10_000;
export const nextPollMs = 1_000;

const legacy = new URL(process.env.LEGACY_URL);
const pool = new Pool(legacy.origin, {
  connections: 256,
  pipelining: 1,
  connect: { timeout: 10_000 },
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
});

async function ask(method, path, headers, body) {
  const answer = await pool.request({ method, path, headers, body });
  if (answer.statusCode >= 300) {
    await answer.body.dump();
    throw new Error(`${method} ${path}: HTTP ${answer.statusCode}`);
  }
  return answer.body.json();
}

/** @returns the request id */
export async function submit(id, body) {
  const headers = { 'content-type': 'application/json', 'idempotency-key': id };
  return (await ask('POST', '/registrations', headers, body)).id;
}

/** @returns processing, done or failed */
export const poll = async (requestId) =>
  (await ask('GET', `/registrations/${encodeURIComponent(requestId)}`, {})).status;

/**
 * Writes results with the write concern of the product (a majority, in the journal), gathered for 20 ms: each promise settles
 * when its document is acknowledged. A document that is there already stays: a repeated result is the same.
 */
export async function openResults() {
  const client = new MongoClient(process.env.MONGODB_URI, {
    writeConcern: { w: 'majority', journal: true },
  });
  await client.connect();
  const collection = client.db(process.env.DATABASE).collection('registrations');
  let waiting = [];

  async function flush() {
    const batch = waiting;
    waiting = [];
    const registeredAt = new Date();
    try {
      const documents = batch.map(({ document }) => ({ ...document, registeredAt }));
      await collection.insertMany(documents, { ordered: false });
    } catch (error) {
      if (error.code !== 11000) return batch.forEach(({ reject }) => reject(error));
    }
    batch.forEach(({ resolve }) => resolve());
  }

  return {
    register: (id, requestId, receivedAt) =>
      new Promise((resolve, reject) => {
        const document = { _id: id, status: 'registered', requestId, receivedAt };
        if (waiting.push({ document, resolve, reject }) === 1) setTimeout(flush, 20);
      }),
  };
}

/** Consumes the queue. `onMessage(message, ack)` gets `{id, body, receivedAt}`. */
export async function consume(prefetch, onMessage) {
  const connection = await connect(process.env.AMQP_URL);
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  await started();
  await channel.consume(process.env.QUEUE, (delivery) => {
    if (delivery === null) return;
    const body = delivery.content.toString();
    const message = { id: JSON.parse(body).id, body, receivedAt: new Date() };
    void onMessage(message, () => channel.ack(delivery));
  });
}

/** Has deliveries taken over in bulk, up to 500 of 20 ms together, and acknowledges them when they are. */
export async function consumeInBulk(prefetch, takeOver) {
  let waiting = [];
  let timer;
  async function add() {
    clearTimeout(timer);
    const batch = waiting;
    waiting = [];
    await takeOver(batch);
    for (const { ack } of batch) ack();
  }
  await consume(prefetch, (message, ack) => {
    waiting.push({ ...message, ack });
    if (waiting.length === 1) timer = setTimeout(add, 20);
    if (waiting.length === 500) return add();
  });
}

/** Does it again after a second, for as long as it fails. */
export async function insist(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      process.stderr.write(`${error.message}\n`);
      await sleep(nextPollMs);
    }
  }
}

/** Asks in the cadence of all until the legacy system has ended with it. @returns done or failed */
export async function ended(requestId) {
  for (let due = Date.now() + firstPollMs; ; due = Math.max(due + nextPollMs, Date.now())) {
    await sleep(due - Date.now());
    const status = await insist(() => poll(requestId));
    if (status !== 'processing') return status;
  }
}

/** Tells the bench that everything is connected, and waits for its word to begin. */
export function started() {
  const go = new Promise((resolve) => process.once('message', resolve));
  process.once('disconnect', () => process.exit()); // the bench itself is gone
  process.send({ ready: true });
  return go;
}
