import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { answerCommand } from '../../src/simulator/core.ts';
import { createFilings } from '../../src/simulator/filings.ts';
import { openLedger } from '../../src/simulator/ledger-file.ts';
import { createLedger } from '../../src/simulator/ledger.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { call, file, poll, post, simulatorFor } from './harness.ts';

async function ledgerFileFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'despachante-ledger-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'ledger.jsonl');
}

test('a restarted simulator knows the registrations of its ledger, and goes on with new request ids', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  const before = await simulatorFor(t, { ledgerFile });
  const done = await file(before, { id: 'r-1' });
  const failed = await file(before, { id: 'r-2', simulate: { fail: 'cartório fechado' } });
  const never = await file(before, { id: 'r-3', simulate: { neverFinish: true } });
  await post(before, { id: 'r-4', simulate: { refuse: 'nome ausente' } });
  await post(before, { id: 'r-5', simulate: { errorStatus: 500 } });
  await assert.rejects(post(before, { id: 'r-6', simulate: { loseAnswer: true } }));
  await poll(before, done);
  await before.close();

  const after = await simulatorFor(t, { ledgerFile });
  assert.deepEqual(after.ledger(), before.ledger());
  const counts = { gets: 0, posts: 0 }; // of this process
  assert.deepEqual({ ...after.stats(), ...counts }, { ...before.stats(), ...counts });
  assert.equal((await poll(after, done)).body['status'], 'done');
  assert.deepEqual((await poll(after, failed)).body, {
    id: failed,
    status: 'failed',
    reason: 'cartório fechado',
  });
  assert.equal((await poll(after, never)).body['status'], 'processing');
  const fresh = await file(after, { id: 'r-1' });
  assert.ok(![done, failed, never].includes(fresh));
  assert.equal(after.stats().filedTwice, 1);
});

test('every entry is in the file once the simulator is closed', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  const simulator = await simulatorFor(t, { ledgerFile });
  await Promise.all(Array.from({ length: 200 }, (_, i) => file(simulator, { id: `r-${i}` })));
  await simulator.close();
  const lines = (await readFile(ledgerFile, 'utf8')).trimEnd().split('\n');
  const entries = lines.map((line): unknown => JSON.parse(line));
  assert.deepEqual(entries, simulator.ledger());
});

test('answers that wait when the simulator closes are given, not lost', async (t) => {
  const simulator = await simulatorFor(t);
  const posted = file(simulator, { id: 'r-1', simulate: { answerDelayMs: 600_000 } });
  while (simulator.stats().accepted === 0) await new Promise((resolve) => setImmediate(resolve));
  await simulator.close();
  assert.match(await posted, /-/);
  assert.equal(simulator.stats().answersLost, 0);
});

test('GET /ledger gives the ledger as JSON lines', async (t) => {
  const simulator = await simulatorFor(t);
  await Promise.all(Array.from({ length: 600 }, (_, i) => file(simulator, { id: `r-${i}` })));
  const { text } = await call(simulator, '/ledger');
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  assert.deepEqual(entries, simulator.ledger());
});

test('a torn last line is cut off, and what follows is whole', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  const entry = { at: 1, event: 'not-accepted', id: 'r-1', status: 503 } as const;
  await appendFile(ledgerFile, JSON.stringify(entry) + '\n{"at":2,"event":"acc');
  const ledger = await openLedger(ledgerFile);
  ledger.append({ ...entry, at: 3 });
  await ledger.close();
  const again = await openLedger(ledgerFile);
  assert.deepEqual(again.entries(), [entry, { ...entry, at: 3 }]);
  await again.close();
});

test('a file that is no ledger is an error that names the line and the remedy', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  await appendFile(ledgerFile, '{"at":1,"event":"not-accepted","id":"r","status":503}\nhello\n');
  await assert.rejects(
    startSimulator({ port: 0, corePort: 0, ledgerFile }),
    /ledger\.jsonl:2: not an entry .* give another file/,
  );
});

test('a ledger that cannot be opened is an error that names the path', async (t) => {
  const ledgerFile = join(await ledgerFileFor(t), 'no', 'such', 'folder');
  await assert.rejects(openLedger(ledgerFile), /cannot open the ledger .*a folder that exists/);
});

test('a last line that does not begin like an entry is not cut off', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  await appendFile(ledgerFile, 'my notes');
  await assert.rejects(openLedger(ledgerFile), /ledger\.jsonl:1: not an entry/);
  assert.equal(await readFile(ledgerFile, 'utf8'), 'my notes');
});

test('what has no end, as a device, is not taken for a ledger', async () => {
  await assert.rejects(openLedger('/dev/zero'), /no regular file/);
});

const fullDisk = {
  append: () => Promise.reject(new Error('ENOSPC')),
  close: () => Promise.resolve(),
};

test('a ledger that cannot be written takes nothing more, and says so when closed', async () => {
  const ledger = createLedger([], fullDisk);
  const entry = { at: 1, event: 'not-accepted', id: 'r-1', status: 503 } as const;
  ledger.append(entry);
  await assert.rejects(ledger.close(), /the ledger cannot be written: Error: ENOSPC/);
  assert.throws(() => ledger.append(entry), /cannot be written/);
});

test('with a ledger that cannot be written the core accepts nothing', async () => {
  const ledger = createLedger([], fullDisk);
  ledger.append({ at: 1, event: 'not-accepted', id: 'r-1', status: 503 });
  await assert.rejects(ledger.close());
  const answer = answerCommand(createFilings(ledger, 1), 'CADASTRAR|r-1||0|CONCLUI|', 1);
  assert.match(answer, /^ERRO\|61\|the ledger cannot be written/);
});

test('a registration is in the file before its client is told', async (t) => {
  const ledgerFile = await ledgerFileFor(t);
  const simulator = await simulatorFor(t, { ledgerFile });
  for (let i = 0; i < 20; i += 1) {
    const requestId = await file(simulator, { id: `r-${i}` });
    assert.ok((await readFile(ledgerFile, 'utf8')).includes(requestId));
  }
});
