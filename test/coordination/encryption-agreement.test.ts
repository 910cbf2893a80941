import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OWN } from '../../src/mongo/collections.ts';
import type { EncryptionDocument } from '../../src/coordination/control.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import {
  EncryptionDisagreement,
  agreementOf,
} from '../../src/coordination/encryption-agreement.ts';
import { silent } from '../../src/runtime/log.ts';
import { emptyFolder } from '../commands/cli.ts';
import { testConfig } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';

const key = (id: string, byte: number): string =>
  `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const [K1, K2] = [key('k1', 1), key('k2', 2)];

const NO_FILE = { ...DEFAULTS.encryption, keyFile: '/nowhere/encryption.key' };

/** What stands in the database, and those who agree about it. */
function database() {
  let noted: EncryptionDocument | null = null;
  let writes = 0;
  const control = {
    encryption: () => Promise.resolve(noted),
    setEncryption(wanted: Pick<EncryptionDocument, 'key' | 'mark'> | null) {
      writes += 1;
      noted = wanted === null ? null : { _id: 'encryption', at: 0, ...wanted };
      return Promise.resolve();
    },
  };
  const join = (settings: Parameters<typeof testConfig>[0]) => {
    const agreement = agreementOf(
      testConfig({ encryption: NO_FILE, ...settings }),
      () => Promise.resolve(control),
      silent,
    );
    return { begin: () => agreement.begin(), read: () => agreement.follow({ encryption: noted }) };
  };
  return { join, noted: () => noted?.key ?? null, writes: () => writes };
}

/** A file of keys, and a process that has it. */
function keyFile(t: TestContext) {
  const keyFile = join(emptyFolder(t), 'encryption.key');
  return {
    settings: { encryption: { ...DEFAULTS.encryption, keyFile } },
    put: (...keys: string[]) => writeFileSync(keyFile, keys.join('\n'), { mode: 0o600 }),
  };
}

test('the key that writes is noted again when it changes, and once only', async (t) => {
  const { join, noted, writes } = database();
  const file = keyFile(t);
  file.put(K1);
  const one = join(file.settings);
  await one.begin();
  assert.equal(noted(), 'k1');
  file.put(K2, K1);
  await eventually('the new one is noted', () => {
    assert.equal(one.read(), null);
    assert.equal(noted(), 'k2');
  });
  for (let n = 0; n < 5; n++) assert.equal(one.read(), null);
  assert.equal(writes(), 2);
});

test('while the order of the keys is changed each says once what it writes with, and the last one counts', async () => {
  const { join, noted, writes } = database();
  const late = join({ encryptionKeys: `${K1},${K2}` });
  const fresh = join({ encryptionKeys: `${K2},${K1}` });
  await fresh.begin();
  await late.begin();
  for (let n = 0; n < 5; n++) {
    for (const each of [late, fresh]) assert.equal(each.read(), null);
    await turn();
  }
  assert.deepEqual([noted(), writes()], ['k1', 2]);
  // While it writes with the old one, nobody may be without that.
  await assert.rejects(join({ encryptionKeys: K2 }).begin(), EncryptionDisagreement);
  await join({ encryptionKeys: `${K2},${K1}` }).begin();
  await join({ encryptionKeys: K2 }).begin();
});

test('while it runs, a process that lacks the noted key is told so, and notes nothing in its place', async () => {
  const { join, noted, writes } = database();
  const [plain, other] = [join({}), join({ encryptionKeys: key('k1', 9) })];
  await plain.begin();
  assert.equal(plain.read(), null, 'nobody encrypts as yet');
  await join({ encryptionKeys: K1 }).begin();
  assert.match(
    plain.read() ?? '',
    /there are no keys here, so that this would be written in clear/,
  );
  assert.match(other.read() ?? '', /ours of that name is another one/);
  for (const each of [plain, other]) await assert.rejects(each.begin(), EncryptionDisagreement);
  assert.equal(noted(), 'k1');
  assert.equal(writes(), 1);
});

test('the remedy for a key that is lost names the document and its collection', async () => {
  const { join } = database();
  await join({ encryptionKeys: K1 }).begin();
  const remedy = `remove the document { _id: "encryption" } from ${OWN.control}`;
  await assert.rejects(join({ encryptionKeys: K2 }).begin(), (error: Error) =>
    error.message.includes(remedy),
  );
});

test('who says off and has the key takes the note away', async () => {
  const { join, noted } = database();
  const off = { ...DEFAULTS.encryption, mode: 'off' as const };
  await join({ encryptionKeys: K1 }).begin();
  await join({ encryptionKeys: K1, encryption: off }).begin();
  assert.equal(noted(), null);
});
