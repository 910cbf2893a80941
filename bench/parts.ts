/**
 * What two parts cost alone, by the clock of one process that does nothing else: encryption of payloads, and an update that
 * gives each document values of its own. `node dist/bench/parts.js` on the store in MONGODB_URI writes bench/results/parts.json.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { MongoClient } from 'mongodb';
import { fixedKeys, parseKeys } from '../src/runtime/encryption-keys.ts';
import { createPayloadCodec } from '../src/temporal/payload-codec.ts';
import { setEach } from '../src/mongo/set-each.ts';
import { machine } from './generated.ts';

const DOCUMENTS = 250;
const ROUNDS = 40;

/** Mean ms of one round; the first tenth, in which V8 still compiles, is not counted. */
async function meanMs(rounds: number, round: (n: number) => Promise<unknown>): Promise<number> {
  const warm = Math.ceil(rounds / 10);
  for (let n = 0; n < warm; n++) await round(n);
  const begun = performance.now();
  for (let n = 0; n < rounds; n++) await round(warm + n);
  return (performance.now() - begun) / rounds;
}

async function encryption(bytes: number) {
  const ring = fixedKeys(parseKeys(`bench:${randomBytes(32).toString('base64')}`));
  const codec = createPayloadCodec({ writing: () => ring.writing(), reading: ring });
  const plain = [{ metadata: {}, data: randomBytes(bytes) }];
  const sealed = await codec.encode(plain);
  const micros = (ms: number) => Math.round(ms * 10_000) / 10;
  return {
    bytes,
    encryptMicros: micros(await meanMs(5_000, () => codec.encode(plain))),
    decryptMicros: micros(await meanMs(5_000, () => codec.decode(sealed))),
  };
}

async function updates(uri: string) {
  const client = await MongoClient.connect(uri, { writeConcern: { w: 'majority', j: true } });
  const db = client.db(`bench_parts_${process.pid}`);
  const rows = db.collection<{ _id: string; n: number }>('rows');
  const ids = Array.from({ length: DOCUMENTS }, (_, n) => `row-${n}`);
  await rows.insertMany(ids.map((_id) => ({ _id, n: 0 })));
  const each = (ms: number) => Math.round((ms * 1_000) / DOCUMENTS) / 1_000;
  const single = await meanMs(ROUNDS, (round) =>
    rows.bulkWrite(
      ids.map((_id, n) => ({ updateOne: { filter: { _id }, update: { $set: { n: round + n } } } })),
    ),
  );
  const together = await meanMs(ROUNDS, (round) =>
    rows.updateMany({ _id: { $in: ids } }, setEach(ids, { n: ids.map((_, n) => round + n) })),
  );
  await db.dropDatabase();
  await client.close();
  return {
    documents: DOCUMENTS,
    bulkWriteMsEach: each(single),
    oneStatementMsEach: each(together),
  };
}

const uri = process.env['MONGODB_URI'];
if (uri === undefined)
  throw new Error('MONGODB_URI is not set: eval "$(node engines/cli.mjs env)"');
const facts = {
  date: new Date().toISOString(),
  machine: machine(),
  encryption: [await encryption(200), await encryption(130_000)],
  updates: await updates(uri),
};
writeFileSync('bench/results/parts.json', `${JSON.stringify(facts, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
