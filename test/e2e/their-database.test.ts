/** Messages and a collection that are shaped by others: nested numbers as ids, keys of their own type, other names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Long, type Document } from 'mongodb';
import { HEADER } from '../../src/domain/names.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';

test('numbers that no float holds are filed once each, and written to the documents that have them', async (t) => {
  const system = await startSystem(t, {
    env: {
      DESPACHANTE_REGISTRATION_ID: '/data/ids/0',
      DESPACHANTE_MONGODB_COLLECTION: 'pedidos',
      DESPACHANTE_MONGODB_MATCH: 'numero',
      DESPACHANTE_MONGODB_MATCH_TYPE: 'long',
      DESPACHANTE_MONGODB_UPSERT: 'false',
      DESPACHANTE_MONGODB_STATUS_FIELD: 'situacao',
      DESPACHANTE_MONGODB_REQUEST_ID_FIELD: 'protocolo',
      DESPACHANTE_MONGODB_REGISTERED_AT_FIELD: 'em',
    },
  });
  const flow = flowOf(system);
  const [one, next] = ['9007199254740992', '9007199254740993'];
  const theirs = system.store.db.collection<Document>('pedidos');
  await theirs.insertMany([one, next].map((numero) => ({ numero: Long.fromString(numero) })));

  const send = (id: string, filedAs: string) =>
    flow.publishBytes(Buffer.from(`{"id":"${filedAs}","data":{"ids":[${id}]}}`), {}, id);
  await send(one, 'first');
  await send(next, 'second');
  assert.equal(await flow.outcomeOf(one), 'registered');
  assert.equal(await flow.outcomeOf(next), 'registered');
  for (const [numero, filedAs] of [
    [one, 'first'],
    [next, 'second'],
  ] as const) {
    const document = await theirs.findOne({ numero: Long.fromString(numero) });
    assert.equal(document?.['situacao'], 'registered');
    assert.deepEqual([document['protocolo']], flow.requestIdsOf(filedAs));
    assert.ok(document['em'] instanceof Date);
    assert.equal(document['requestId'], undefined);
  }

  // As a text it is the same id, in other bytes.
  await flow.publishBytes(Buffer.from(`{"id":"third","data":{"ids":["${one}"]}}`), {}, one);
  await flow.failureWhere('a conflict', ({ properties }) => {
    return properties.headers?.[HEADER.class] === 'conflict';
  });
  assert.equal(flow.postsOf('third').length, 0);

  await send('9223372036854775808', 'fourth');
  const malformed = await flow.failureWhere('a malformed one', ({ properties }) => {
    return properties.headers?.[HEADER.class] === 'malformed';
  });
  const { [HEADER.reason]: reason }: Record<string, unknown> = { ...malformed.properties.headers };
  assert.match(String(reason), /expected a whole number of 64 bits \(mongodb\.matchType: long\)/);
  assert.equal(flow.postsOf('fourth').length, 0);
  assert.equal(await theirs.countDocuments(), 2);
  const { holds } = await flow.audit();
  assert.ok(holds);
});
