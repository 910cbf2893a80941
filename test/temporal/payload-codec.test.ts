import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import fc from 'fast-check';
import { fixedKeys, parseKeys } from '../../src/runtime/encryption-keys.ts';
import {
  DecryptionError,
  createPayloadCodec,
  isEncrypted,
} from '../../src/temporal/payload-codec.ts';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

/** Writes with the first key, reads with all. */
function codecWith(text: string) {
  const reading = fixedKeys(parseKeys(text));
  return createPayloadCodec({ writing: () => reading.writing(), reading });
}

const codec = codecWith(`k1:${key(1)}`);
const plainly = createPayloadCodec({ writing: () => null, reading: null });
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const bytesOf = ({ data, metadata }: Payload) =>
  Buffer.concat([data ?? Buffer.alloc(0), ...Object.values(metadata ?? {})]).toString('latin1');
const one = ([payload]: Payload[]): Payload => {
  assert.ok(payload);
  return payload;
};

test('any value comes back as it was, whatever its encoding, and many at once in their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), async (values) => {
      const payloads = values.map(payloadOf);
      const sealed = await codec.encode(payloads);
      assert.ok(sealed.every(isEncrypted));
      const back = await codec.decode(sealed);
      assert.deepEqual(
        back.map((payload) => defaultPayloadConverter.fromPayload(payload)),
        payloads.map((payload) => defaultPayloadConverter.fromPayload(payload)),
      );
    }),
  );
  for (const value of [undefined, new Uint8Array([0, 1, 255])]) {
    const back = one(await codec.decode(await codec.encode([payloadOf(value)])));
    assert.deepEqual(defaultPayloadConverter.fromPayload(back), value);
  }
  assert.deepEqual(await codec.encode([]), []);
});

test('nothing of the value, nor of what it was encoded as, is to be seen; only the id of the key', async () => {
  const sealed = one(await codec.encode([payloadOf({ name: 'CANARY-Ana' })]));
  assert.doesNotMatch(bytesOf(sealed), /CANARY|name|json/);
  assert.equal(Buffer.from(sealed.metadata?.['encryption-key-id'] ?? []).toString(), 'k1');
});

test('the same value is never encrypted to the same bytes', async () => {
  const sealed = await codec.encode(Array.from({ length: 100 }, () => payloadOf('same')));
  assert.equal(new Set(sealed.map(bytesOf)).size, 100);
});

test('what was written before encryption was on is read as it is', async () => {
  const plain = payloadOf({ name: 'Ana' });
  assert.deepEqual(await codec.decode([plain]), [plain]);
  assert.deepEqual(await plainly.encode([plain]), [plain]);
});

test('strictly, what is not encrypted is refused, with the setting for runs from before', async () => {
  const reading = fixedKeys(parseKeys(`k1:${key(1)}`));
  const strict = createPayloadCodec({ writing: () => reading.writing(), reading, strict: true });
  const value = payloadOf({ name: 'Ana' });
  await assert.rejects(strict.decode([value]), /not encrypted.*set encryption\.mode to auto/);
  await assert.rejects(
    strict.decode([
      ...(await strict.encode([value])),
      { metadata: { encoding: Buffer.from('json/plain') } },
    ]),
    DecryptionError,
  );
  assert.equal((await strict.decode(await strict.encode([value]))).length, 1);
});

test('a payload is read in its own run alone, and nothing that stands beside it can be changed', async () => {
  const inRun = (workflowId: string) => ({
    type: 'workflow' as const,
    namespace: 'default',
    workflowId,
  });
  const sealed = one(await codec.encode([payloadOf('secret')], inRun('run-1')));
  const read = async (payload: Payload, workflowId?: string) =>
    defaultPayloadConverter.fromPayload(
      one(await codec.decode([payload], workflowId === undefined ? undefined : inRun(workflowId))),
    );
  assert.equal(await read(sealed, 'run-1'), 'secret');
  const activity = {
    type: 'activity' as const,
    namespace: 'default',
    workflowId: 'run-1',
    isLocal: true,
  };
  assert.equal((await codec.decode([sealed], activity)).length, 1);
  assert.equal(await read(sealed), 'secret', 'who only shows it is told no run');
  await assert.rejects(read(sealed, 'run-2'), /of the run "run-1" stands in the run "run-2"/);
  const ofNoRun = one(await codec.encode([payloadOf('from a page')]));
  assert.equal(await read(ofNoRun, 'run-2'), 'from a page', 'it is bound to no run');
  const unbound = { ...sealed.metadata, 'encryption-run': Buffer.from('') };
  await assert.rejects(read({ ...sealed, metadata: unbound }, 'run-2'), /was changed/);
  const renamed = { ...sealed.metadata, 'encryption-run': Buffer.from('run-2') };
  await assert.rejects(read({ ...sealed, metadata: renamed }, 'run-2'), /was changed/);
  const without = Object.fromEntries(
    Object.entries(sealed.metadata ?? {}).filter(([name]) => name !== 'encryption-run'),
  );
  await assert.rejects(read({ ...sealed, metadata: without }), /was changed/);
  const twice = codecWith(`k1:${key(1)},k2:${key(1)}`);
  const other = { ...sealed.metadata, 'encryption-key-id': Buffer.from('k2') };
  await assert.rejects(twice.decode([{ ...sealed, metadata: other }]), /was changed/);
});

test('after a rotation the old key still reads, and the new one writes', async () => {
  const old = one(await codec.encode([payloadOf('old')]));
  const rotated = codecWith(`k2:${key(2)},k1:${key(1)}`);
  const fresh = one(await rotated.encode([payloadOf('new')]));
  const back = await rotated.decode([old, fresh]);
  assert.deepEqual(
    back.map((payload) => defaultPayloadConverter.fromPayload(payload)),
    ['old', 'new'],
  );
  await assert.rejects(codec.decode([fresh]), {
    name: DecryptionError.name,
    message: /encrypted with the key "k2", and ours are k1: add it to ENCRYPTION_KEYS/,
  });
});

test('without any key what is encrypted is told as such', async () => {
  const sealed = await codec.encode([payloadOf('secret')]);
  await assert.rejects(plainly.decode(sealed), /the key "k1", and there are no keys here/);
});

test('what was changed, cut short, or written with another key under the same id is refused', async () => {
  const sealed = one(await codec.encode([payloadOf('secret')]));
  const data = Buffer.from(sealed.data ?? []);
  for (let at = 0; at < data.length; at++) {
    const changed = Buffer.from(data);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(codec.decode([{ ...sealed, data: changed }]), DecryptionError);
    await assert.rejects(
      codec.decode([{ ...sealed, data: data.subarray(0, at) }]),
      DecryptionError,
    );
  }
  await assert.rejects(
    codecWith(`k1:${key(9)}`).decode([sealed]),
    /cannot be decrypted with our key "k1"/,
  );
});
