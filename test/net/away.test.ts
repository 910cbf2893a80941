import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '@temporalio/client';
import { MongoClient, MongoNetworkError } from 'mongodb';
import { Away, isAway } from '../../src/net/away.ts';

test('a server that is lost on the way is away, whichever client says so', async () => {
  const nowhere = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 1 });
  const unreached: unknown = await nowhere.connect().catch((error: unknown) => error);
  const unavailable = Object.assign(new Error('14 UNAVAILABLE: No connection'), { code: 14 });
  const refused = Object.assign(new Error('3 INVALID_ARGUMENT'), { code: 3 });
  for (const lost of [
    new Away('there'),
    new MongoNetworkError('connection 3 closed'),
    unreached,
    unavailable,
    new ServiceError('Failed to describe workflow', { cause: unavailable }),
  ])
    assert.ok(isAway(lost), String(lost));
  const untrusted = new Error('the certificate is not trusted', { cause: unreached });
  const others = [
    new Error('no'),
    new ServiceError('no', { cause: refused }),
    untrusted,
    'no',
    null,
  ];
  for (const other of others) assert.ok(!isAway(other));
});
