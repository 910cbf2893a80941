import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Behaviour, defaultBehaviour } from '../../src/simulator/behaviour.ts';
import { answerDelayMs, type Case, decide } from '../../src/simulator/decision.ts';
import { createRequestIds, draw } from '../../src/simulator/draw.ts';
import { formatLine, parseLine, createLineSplitter } from '../../src/simulator/protocol.ts';

const nothing = { throttle: 0, error: 0, refuse: 0, lose: 0, fail: 0 };

function caseOf(id: string, behaviour: Partial<Behaviour> = {}, seed = 1): Case {
  return { seed, behaviour: { ...defaultBehaviour, ...behaviour }, id, orders: {}, past: nothing };
}

const mixed = { refuseShare: 0.1, failShare: 0.1, loseAnswerShare: 0.1, neverFinishShare: 0.1 };

test('the same seed and registration meet the same fate, in any order; another seed another', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => `r-${i}`);
  const fates = (seed: number, list: string[]) =>
    new Map(list.map((id) => [id, decide(caseOf(id, mixed, seed))]));
  const backwards = fates(1, [...ids].reverse());
  for (const [id, fate] of fates(1, ids)) assert.deepEqual(backwards.get(id), fate);
  const elsewhere = [...fates(2, ids)].filter(
    ([id, fate]) => fate.kind !== backwards.get(id)?.kind,
  );
  assert.ok(elsewhere.length > 50, `${elsewhere.length} of 1,000 differ`);
});

test('a share is a share of the registrations', () => {
  const ids = Array.from({ length: 20_000 }, (_, i) => `r-${i}`);
  const shareOf = (behaviour: Partial<Behaviour>, test: (it: Case) => boolean) =>
    ids.filter((id) => test(caseOf(id, behaviour))).length / ids.length;
  const near = (share: number) => assert.ok(Math.abs(share - 0.2) < 0.02, String(share));
  near(shareOf({ refuseShare: 0.2 }, (it) => decide(it).kind === 'refuse'));
  near(shareOf({ errorShare: 0.2 }, (it) => decide(it).kind === 'error'));
  near(shareOf({ throttleShare: 0.2 }, (it) => decide(it).kind === 'throttle'));
  const filed = (it: Case) => {
    const decision = decide(it);
    return decision.kind === 'file' ? decision : null;
  };
  near(shareOf({ failShare: 0.2 }, (it) => filed(it)?.final === 'failed'));
  near(shareOf({ neverFinishShare: 0.2 }, (it) => filed(it)?.final === 'never'));
  near(shareOf({ loseAnswerShare: 0.2 }, (it) => filed(it)?.loseAnswer === true));
});

test('an id that was turned away draws anew, so that a share of errors locks nobody out', () => {
  const behaviour = { errorShare: 0.5 };
  for (let i = 0; i < 200; i += 1) {
    const it = caseOf(`r-${i}`, behaviour);
    const attempts = Array.from({ length: 40 }, (_, error) =>
      decide({ ...it, past: { ...nothing, error } }),
    );
    assert.ok(
      attempts.some(({ kind }) => kind === 'file'),
      it.id,
    );
  }
});

test('latency and answer delay fill their ranges, bounds included', () => {
  const range = { minMs: 10, maxMs: 20 };
  const latencies = new Set<number>();
  const delays = new Set<number>();
  for (let i = 0; i < 2_000; i += 1) {
    const it = caseOf(`r-${i}`, { latency: range, answerDelay: range });
    const decision = decide(it);
    if (decision.kind === 'file') latencies.add(decision.latencyMs);
    delays.add(answerDelayMs(it));
  }
  const all = Array.from({ length: 11 }, (_, i) => 10 + i);
  assert.deepEqual(
    [...latencies].sort((a, b) => a - b),
    all,
  );
  assert.deepEqual(
    [...delays].sort((a, b) => a - b),
    all,
  );
});

test('request ids look like AB583C-X, repeat with the seed, and never twice in 300,000', () => {
  const next = createRequestIds(7);
  const again = createRequestIds(7);
  const ids = new Set<string>();
  for (let i = 0; i < 300_000; i += 1) {
    const id = next();
    if (i < 100) assert.equal(again(), id);
    if (i < 100) assert.match(id, /^[A-Z0-9]{6}-[A-Z0-9]$/);
    ids.add(id);
  }
  assert.equal(ids.size, 300_000);
  assert.notEqual(createRequestIds(8)(), createRequestIds(7)());
});

test('a draw is a number from 0 to below 1', () => {
  fc.assert(
    fc.property(fc.integer(), fc.string(), fc.string(), fc.nat(), (seed, id, name, attempt) => {
      const number = draw(seed, id, name, attempt);
      return number >= 0 && number < 1;
    }),
  );
});

test('any fields come back from a line as they were, however the line is cut on the way', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1 }), fc.nat(), (fields, cut) => {
      const line = formatLine(fields);
      const place = cut % (line.length + 1);
      const split = createLineSplitter();
      const lines = [...split(line.slice(0, place)), ...split(line.slice(place))];
      assert.deepEqual(lines.map(parseLine), [fields]);
    }),
  );
});

test('a line without end is refused', () => {
  const split = createLineSplitter();
  assert.throws(() => split('x'.repeat(64 * 1024 + 1)), /longer than 65536 characters/);
});
