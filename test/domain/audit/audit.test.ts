import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditInput, AuditClaim } from '../../../src/domain/audit/audit-account.ts';
import { audit } from '../../../src/domain/audit/audit.ts';
import type { AuditReport } from '../../../src/domain/audit/audit.ts';
import {
  claimKey,
  conflictKey,
  entryKey,
  failureName,
  malformedKey,
} from '../../../src/domain/names.ts';
import type { JournalState } from '../../../src/domain/registrations/entry.ts';
import type { FailureClass, OutcomeKind } from '../../../src/domain/registrations/outcome.ts';

/** Everything that a test may bring out of order. */
interface World extends AuditInput {
  published: { id: string | null; hash: string }[];
  registered: Map<string, number | null>;
  doubts: Set<string>;
  setAside: Set<string>;
  malformed: Map<string, { isDropped: boolean }>;
  closedRuns: Set<string>;
  filings: { registration: string; key: string | null }[];
}

const T0 = 1_700_000_000_000;

const emptyWorld = (): World => ({
  published: [],
  claims: [],
  registered: new Map(),
  failures: [],
  doubts: new Set(),
  setAside: new Set(),
  malformed: new Map(),
  unclaimed: [],
  unreadable: [],
  closedRuns: new Set(),
  waiting: 0,
  filings: [],
  entries: [],
  uniqueRequestIds: true,
  resubmits: false,
});

// Told apart by their beginning, as real ones are.
const hashOf = (id: string): string => [...id].reverse().join('').padEnd(64, '0');
const tokenOf = (claim: string): string => `token of ${claim}`;
const keyOf = (entry: string): string => `key of ${entry}`;

/** Stands for a request id of its own. */
const ACCEPTED = 'accepted';

function claimOf(id: string, changes: Partial<AuditClaim> = {}): AuditClaim {
  const generation = changes.generation ?? 0;
  return {
    key: claimKey(id, generation),
    registration: id,
    generation,
    conflict: false,
    token: tokenOf(claimKey(id, generation)),
    bodyHash: hashOf(id),
    workflowId: `run of ${id}`,
    claimedAt: T0,
    outcome: null,
    settled: false,
    settledAt: null,
    ...changes,
    ...(changes.outcome?.requestId === ACCEPTED
      ? { outcome: { ...changes.outcome, requestId: `REQ-${id}` } }
      : {}),
  };
}

const ended = (kind: OutcomeKind, isAccepted: boolean): Partial<AuditClaim> => ({
  outcome: {
    kind,
    requestId: isAccepted ? ACCEPTED : null,
    doubt: false,
  },
  settled: true,
  settledAt: T0 + 20_000,
});

/** A submission that the legacy system accepted. */
function file(world: World, entry: string, state: JournalState = 'accepted'): void {
  const id = entry.slice(0, entry.lastIndexOf('~'));
  world.entries.push({ entry, key: keyOf(entry), state });
  world.filings.push({ registration: id, key: keyOf(entry) });
}

function record(world: World, claim: string, kind: FailureClass): void {
  const own = world.claims.find(({ key }) => key === claim);
  const [hash, token] = [own?.bodyHash ?? '', own?.token ?? null];
  world.failures.push({ messageId: failureName(claim, kind), failureClass: kind, token, hash });
}

/** What a message can be in the middle of, or have come to. Each adds one to a world in good order. */
const FATES: Record<string, (world: World, id: string) => void> = {
  registered(world, id) {
    world.claims.push(claimOf(id, ended('registered', true)));
    world.registered.set(id, T0 + 15_000);
    file(world, entryKey(claimKey(id, 0), 1));
  },
  rejected(world, id) {
    world.claims.push(claimOf(id, ended('rejected', false)));
    world.entries.push({ entry: entryKey(claimKey(id, 0), 1), key: '', state: 'refused' });
    record(world, claimKey(id, 0), 'rejected');
  },
  failed(world, id) {
    world.claims.push(claimOf(id, ended('failed', true)));
    file(world, entryKey(claimKey(id, 0), 1));
    record(world, claimKey(id, 0), 'failed');
  },
  polling(world, id) {
    world.claims.push(claimOf(id));
    file(world, entryKey(claimKey(id, 0), 1));
  },
  doubtful(world, id) {
    world.claims.push(claimOf(id));
    world.doubts.add(claimKey(id, 0));
    file(world, entryKey(claimKey(id, 0), 1), 'unknown');
  },
  setAside(world, id) {
    world.claims.push(claimOf(id, { ...ended('failed', false), settled: false }));
    world.setAside.add(claimKey(id, 0));
  },
  waiting(world) {
    world.waiting += 1;
  },
  inRun(world, id) {
    world.unclaimed.push({ id, hash: hashOf(id) });
  },
  malformed(world, id) {
    const claim = `malformed!${hashOf(id).slice(0, 16)}`;
    record(world, claim, 'malformed');
  },
  conflict(world, id) {
    FATES['registered']?.(world, id);
    const other = `other-${hashOf(id)}`;
    const key = conflictKey(id, 0, other);
    world.claims.push(
      claimOf(id, { ...ended('conflict', false), key, conflict: true, bodyHash: other }),
    );
    world.published.push({ id, hash: other });
    record(world, key, 'conflict');
  },
  redriven(world, id) {
    world.claims.push(claimOf(id, ended('failed', true)));
    world.claims.push(claimOf(id, { ...ended('registered', true), generation: 1 }));
    world.registered.set(id, T0 + 60_000);
    file(world, entryKey(claimKey(id, 0), 1));
    file(world, entryKey(claimKey(id, 1), 1));
  },
  resumed(world, id) {
    world.claims.push(claimOf(id, ended('timed-out', true)));
    world.claims.push(claimOf(id, { ...ended('registered', true), generation: 1 }));
    world.registered.set(id, T0 + 60_000);
    file(world, entryKey(claimKey(id, 0), 1));
  },
  resubmitted(world, id) {
    world.claims.push(claimOf(id, ended('registered', true)));
    world.registered.set(id, T0 + 60_000);
    file(world, entryKey(claimKey(id, 0), 1), 'superseded');
    world.entries = world.entries.map((each) =>
      each.state === 'superseded' ? { ...each, isDecided: true } : each,
    );
    file(world, entryKey(claimKey(id, 0), 2));
  },
};
const fates = Object.keys(FATES);

/** A world in good order with these fates, one message each. */
function worldOf(names: readonly string[]): World {
  const world = emptyWorld();
  names.forEach((name, n) => {
    // Raw messages without an id are among the malformed.
    const id = `${name}-${n}`;
    world.published.push({ id: name === 'malformed' ? null : id, hash: hashOf(id) });
    FATES[name]?.(world, id);
  });
  return world;
}

const total = (report: AuditReport): number =>
  report.registered +
  Object.values(report.failed).reduce((sum, count) => sum + count, 0) +
  report.inDoubt +
  report.inFlight.claimed +
  report.inFlight.inRuns +
  report.inFlight.waiting +
  report.setAside;

test('a world with one of each is told as it is', () => {
  const report = audit(worldOf(fates));
  assert.deepEqual(report, {
    confirmed: 14,
    repeated: 0,
    registered: 5,
    failed: { rejected: 1, failed: 1, malformed: 1, conflict: 1 },
    inDoubt: 1,
    inFlight: { claimed: 1, inRuns: 1, waiting: 1 },
    moving: { queued: 1, unclaimed: 1 },
    setAside: 1,
    taken: { redriven: 2, dropped: 0, byOthers: 0 },
    malformed: 1,
    copies: 0,
    lost: [],
    untraced: [],
    filedTwice: [],
    settledTwice: [],
    stranded: [],
    unexpected: [],
    filedAgain: 2,
    unreadable: [],
    holds: true,
  });
});

test('whatever is in good order adds up', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...fates), { maxLength: 40 }), (names) => {
      const report = audit(worldOf(names));
      assert.equal(total(report), report.confirmed);
      assert.ok(report.holds);
      assert.deepEqual(report.unexpected, []);
    }),
  );
});

test('without a ledger of what was published the claims add up, and malformed deliveries stand beside', () => {
  const names = fates.filter((name) => !['waiting', 'inRun'].includes(name));
  const report = audit({ ...worldOf(names), published: null });
  assert.equal(report.confirmed, null);
  assert.equal(total(report), 11);
  assert.equal(report.malformed, 1);
  assert.ok(report.holds);
});

test('the same message published twice is one, and its copies in the failure queue are counted', () => {
  const world = worldOf(['registered', 'failed']);
  world.published.push(...world.published);
  world.failures.push(...world.failures);
  const report = audit(world);
  assert.deepEqual([report.confirmed, report.repeated, report.copies], [2, 2, 1]);
  assert.ok(report.holds);
});

test('the record of somebody else with the name of a claim of ours is no record and no copy of it, in whatever order', () => {
  const world = worldOf(['failed']);
  const [ours] = world.failures;
  assert.ok(ours);
  const theirs = { ...ours, token: 'theirs', hash: 'theirs' };
  const [one, other] = [
    [theirs, ours],
    [ours, theirs],
  ].map((failures) => audit({ ...world, failures }));
  assert.deepEqual(one, other);
  assert.deepEqual([one?.copies, one?.taken.byOthers, one?.unexpected.length], [0, 0, 1]);
  const alone = audit({ ...world, failures: [theirs] });
  assert.deepEqual([alone.taken.byOthers, alone.unexpected.length], [1, 1]);
});

test('a redriven failure that waits in the queue is in flight', () => {
  const world = worldOf(['failed']);
  world.failures = [];
  world.waiting = 1;
  assert.deepEqual(audit(world).inFlight, { claimed: 0, inRuns: 0, waiting: 1 });
});

test('what others took from the failure queue is delivered, and told beside what an operator dropped', () => {
  const world = worldOf(['failed', 'rejected', 'conflict', 'failed', 'registered']);
  const [first] = world.claims;
  assert.ok(first);
  first.isDropped = true;
  world.failures = [];
  const report = audit(world);
  assert.deepEqual(report.taken, { redriven: 0, dropped: 1, byOthers: 3 });
  assert.deepEqual(report.failed, { failed: 2, rejected: 1, conflict: 1 });
  assert.equal(total(report), report.confirmed);
  assert.ok(report.holds, JSON.stringify(report));
});

test('a claim that ended as failure and was not settled is not delivered, record or not', () => {
  const world = worldOf(['failed']);
  world.failures = [];
  world.claims = world.claims.map((claim) => ({ ...claim, settled: false, settledAt: null }));
  world.closedRuns.add('run of failed-0');
  const report = audit(world);
  assert.deepEqual([report.taken.byOthers, report.inFlight.claimed], [0, 1]);
  assert.equal(report.holds, false);
});

test('a run that cannot be read proves nothing of the sum, and is named', () => {
  const world = worldOf(['registered']);
  world.unreadable = [{ id: 'run-1', what: 'no key' }];
  const report = audit(world);
  assert.deepEqual(report.unreadable, [{ id: 'run-1', what: 'no key' }]);
  assert.deepEqual([report.registered, report.lost, report.holds], [1, [], false]);
});

test('while messages wait, a lost one counts as one of them before a redriven one does', () => {
  const world = worldOf(['failed', 'polling']);
  world.failures = [];
  world.claims = world.claims.filter(({ registration }) => registration === 'failed-0');
  world.waiting = 1;
  const report = audit(world);
  assert.deepEqual([report.inFlight.waiting, report.taken.byOthers, report.lost], [1, 1, []]);
});

test('a message that is no registration is delivered when it was noted, whoever took its record, with an id in the ledger or without', () => {
  const world = worldOf(['malformed', 'malformed', 'registered']);
  world.failures = [];
  world.published = world.published.map(({ hash }, at) => ({ id: `m-${at}`, hash }));
  for (const [at, { hash }] of world.published.slice(0, 2).entries())
    world.malformed.set(malformedKey(hash), { isDropped: at === 0 });
  world.published = [...world.published.slice(0, 2), { id: null, hash: hashOf('other') }];
  world.malformed.set(malformedKey(hashOf('other')), { isDropped: false });
  const report = audit(world);
  assert.deepEqual(report.taken, { redriven: 0, dropped: 1, byOthers: 2 });
  assert.deepEqual([report.failed, report.lost, report.untraced], [{ malformed: 3 }, [], []]);
  assert.ok(report.holds);
});

test('of a message that is no registration, and that nobody noted, nothing says that its record was delivered: told apart from what is lost', () => {
  const world = worldOf(['malformed', 'registered']);
  world.failures = [];
  const report = audit(world);
  assert.deepEqual([report.untraced.length, report.lost.length, report.holds], [1, 0, true]);
});

test('a failure that was mended by hand and redriven with another body is followed to its end', () => {
  const world = worldOf(['redriven']);
  world.claims = world.claims.map((claim) =>
    claim.generation === 1 ? { ...claim, bodyHash: 'mended' } : claim,
  );
  const report = audit(world);
  assert.equal(report.registered, 1);
  assert.ok(report.holds);
});

test('where what is in doubt is submitted again by itself, that needs nobody’s word', () => {
  const world = worldOf(['resubmitted']);
  world.entries = world.entries.map((each) => ({ ...each, isDecided: false }));
  assert.deepEqual(audit(world).filedTwice.length, 1);
  const report = audit({ ...world, resubmits: true });
  assert.ok(report.holds);
  assert.equal(report.filedAgain, 1);
});

/** Two messages under one id, of which the first was rejected. */
function twoBodies(): World {
  const world = emptyWorld();
  world.published.push({ id: 'x', hash: 'a' }, { id: 'x', hash: 'b' });
  world.claims.push(
    claimOf('x', { bodyHash: 'a', ...ended('rejected', false) }),
    conflictOf('x', 0, 'b'),
  );
  return world;
}

const conflictOf = (id: string, generation: number, bodyHash: string): AuditClaim =>
  claimOf(id, {
    ...ended('conflict', false),
    key: conflictKey(id, generation, bodyHash),
    generation,
    bodyHash,
    conflict: true,
  });

test('a conflict that is redriven and meets the next generation is followed to its new record', () => {
  const world = twoBodies();
  world.claims.push(
    claimOf('x', { generation: 1, bodyHash: 'a', ...ended('registered', true) }),
    conflictOf('x', 1, 'b'),
  );
  world.registered.set('x', T0 + 15_000);
  file(world, entryKey(claimKey('x', 1), 1));
  record(world, conflictKey('x', 1, 'b'), 'conflict');
  const report = audit(world);
  assert.ok(report.holds, JSON.stringify(report.lost));
  assert.deepEqual([report.registered, report.failed], [1, { conflict: 1 }]);
});

test('when the other body has had its turn, the first is not taken for registered with it', () => {
  const world = twoBodies();
  world.claims.push(claimOf('x', { generation: 1, bodyHash: 'b', ...ended('registered', true) }));
  world.registered.set('x', T0 + 15_000);
  file(world, entryKey(claimKey('x', 1), 1));
  record(world, claimKey('x', 0), 'rejected');
  assert.ok(audit(world).holds);
  world.failures = [];
  assert.deepEqual(audit(world).taken, { redriven: 1, dropped: 0, byOthers: 1 });
  assert.equal(audit(world).failed.rejected, 1, 'the first is what was taken');
  // Redriven, it is a conflict in its turn, with a record of its own.
  world.claims.push(conflictOf('x', 1, 'a'));
  record(world, conflictKey('x', 1, 'a'), 'conflict');
  assert.ok(audit(world).holds);
  world.failures = [];
  assert.deepEqual(audit(world).taken, { redriven: 1, dropped: 0, byOthers: 1 });
  assert.equal(audit(world).failed.conflict, 1);
});

test('two registrations under one request id at a time are both told, and nothing holds; one after the other may have it', () => {
  const world = worldOf(['registered', 'failed', 'resumed']);
  const requestId = 'REQ-of both';
  world.claims = world.claims.map((claim) =>
    claim.outcome === null || claim.registration === 'resumed-2'
      ? claim
      : { ...claim, outcome: { ...claim.outcome, requestId } },
  );
  const report = audit(world);
  assert.deepEqual(
    report.settledTwice.map(({ id }) => id),
    ['registered-0', 'failed-1'],
  );
  assert.equal(report.holds, false);
  assert.ok(audit({ ...world, uniqueRequestIds: false }).holds, 'where ids may be shared');
  world.claims = world.claims.map((claim) =>
    claim.registration === 'failed-1'
      ? { ...claim, claimedAt: T0 + 20_000, settledAt: T0 + 40_000 }
      : claim,
  );
  assert.deepEqual(audit(world).settledTwice, []);
});

test('a document that others have written is no second settlement', () => {
  const world = worldOf(['rejected']);
  world.registered.set('rejected-0', null);
  assert.ok(audit(world).holds);
  world.registered.set('rejected-0', T0 - 1);
  assert.ok(audit(world).holds);
});

type Fault = 'lost' | 'filedTwice' | 'settledTwice' | 'stranded' | 'untraced' | 'unexpected';

/** What is done to one registration of a world in good order, and what must be found about it. */
const CORRUPTIONS: {
  name: string;
  fate: string;
  corrupt: (world: World, id: string) => void;
  found: Fault;
}[] = [
  {
    name: 'a claim that is gone',
    fate: 'polling',
    corrupt: (world, id) =>
      (world.claims = world.claims.filter((claim) => claim.registration !== id)),
    found: 'lost',
  },
  {
    name: 'a document that is gone',
    fate: 'registered',
    corrupt: (world, id) => world.registered.delete(id),
    found: 'lost',
  },
  {
    name: 'a failure record with the bytes of another message',
    fate: 'failed',
    corrupt: (world, id) =>
      (world.failures = world.failures.map((each) =>
        each.messageId?.startsWith(`${id}~`) === true ? { ...each, hash: 'of another' } : each,
      )),
    found: 'lost',
  },
  {
    name: 'a message that the queue has dropped',
    fate: 'waiting',
    corrupt: (world) => (world.waiting -= 1),
    found: 'lost',
  },
  {
    name: 'a malformed delivery without its record',
    fate: 'malformed',
    corrupt: (world, id) =>
      (world.failures = world.failures.filter(
        ({ messageId }) => !messageId?.startsWith(`malformed!${hashOf(id).slice(0, 16)}`),
      )),
    found: 'untraced',
  },
  {
    name: 'one entry of the journal accepted twice',
    fate: 'registered',
    corrupt: (world, id) =>
      world.filings.push({ registration: id, key: keyOf(entryKey(claimKey(id, 0), 1)) }),
    found: 'filedTwice',
  },
  {
    name: 'a second submission that nobody asked for',
    fate: 'registered',
    corrupt: (world, id) => file(world, entryKey(claimKey(id, 0), 2)),
    found: 'filedTwice',
  },
  {
    name: 'a doubt that was submitted again on nobody’s word',
    fate: 'resubmitted',
    corrupt: (world, id) =>
      (world.entries = world.entries.map((each) =>
        each.entry.startsWith(`${id}~`) ? { ...each, isDecided: false } : each,
      )),
    found: 'filedTwice',
  },
  {
    name: 'a second filing that is not in the journal',
    fate: 'polling',
    corrupt: (world, id) => world.filings.push({ registration: id, key: 'of somebody else' }),
    found: 'filedTwice',
  },
  {
    name: 'a redrive of what was still being processed, filed anew',
    fate: 'resumed',
    corrupt: (world, id) => file(world, entryKey(claimKey(id, 1), 1)),
    found: 'filedTwice',
  },
  {
    name: 'two filings by a system that keeps no Idempotency-Key',
    fate: 'registered',
    corrupt: (world, id) => {
      world.filings.push({ registration: id, key: null });
    },
    found: 'filedTwice',
  },
  {
    name: 'a claim with records of two classes',
    fate: 'failed',
    corrupt: (world, id) => record(world, claimKey(id, 0), 'timed-out'),
    found: 'settledTwice',
  },
  {
    name: 'a registered claim with a failure record',
    fate: 'registered',
    corrupt: (world, id) => record(world, claimKey(id, 0), 'failed'),
    found: 'settledTwice',
  },
  {
    name: 'a failed claim with a document',
    fate: 'failed',
    corrupt: (world, id) => world.registered.set(id, T0 + 20_000),
    found: 'settledTwice',
  },
  {
    name: 'an open claim whose run is gone',
    fate: 'polling',
    corrupt: (world, id) => world.closedRuns.add(`run of ${id}`),
    found: 'stranded',
  },
  {
    name: 'a failure record of nobody',
    fate: 'registered',
    corrupt: (world) =>
      world.failures.push({ messageId: 'who?', failureClass: null, token: null, hash: '' }),
    found: 'unexpected',
  },
  {
    name: 'a registered claim that the legacy system never accepted',
    fate: 'registered',
    corrupt: (world, id) =>
      (world.filings = world.filings.filter(({ registration }) => registration !== id)),
    found: 'unexpected',
  },
  {
    name: 'a filing of nobody',
    fate: 'registered',
    corrupt: (world) => world.filings.push({ registration: 'stranger', key: null }),
    found: 'unexpected',
  },
  {
    name: 'a filing that the journal does not know',
    fate: 'polling',
    corrupt: (world, id) =>
      (world.entries = world.entries.filter(({ entry }) => !entry.startsWith(`${id}~`))),
    found: 'unexpected',
  },
];

for (const { name, fate, corrupt, found } of CORRUPTIONS) {
  test(`${name} is found wherever it is, and nothing else: ${found}`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...fates), { maxLength: 20 }),
        fc.array(fc.constantFrom(...fates), { maxLength: 20 }),
        (before, after) => {
          const world = worldOf([...before, fate, ...after]);
          corrupt(world, `${fate}-${before.length}`);
          const report = audit(world);
          assert.ok(report[found].length > 0, `nothing is ${found}`);
          assert.equal(report[found].length, 1);
          assert.equal(report.holds, found === 'unexpected' || found === 'untraced');
          if (found !== 'lost' && found !== 'untraced')
            assert.equal(total(report), report.confirmed);
          else assert.equal(total(report) + 1, report.confirmed);
        },
      ),
      { numRuns: 50 },
    );
  });
}
