// Metrics that are pushed add up to what became of the tasks, whoever dies, stands still or hears no answer in between.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { binary } from '../../src/claims/claims.ts';
import { silent } from '../../src/runtime/log.ts';
import {
  indexTaskClaims,
  openTaskClaims,
  type TaskClaim,
  type TaskError,
} from '../../src/tasks/claims.ts';
import { startMetricPush } from '../../src/tasks/metric-push.ts';
import { openIntervals, pushDue, type Interval, type Intervals } from '../../src/tasks/pushed.ts';
import { SUM_NAMES, type Sums } from '../../src/tasks/sums.ts';
import { eventually } from '../helpers/eventually.ts';
import { testDatabase, uniqueName } from '../helpers/servers.ts';
import { webServer } from '../helpers/web-server.ts';

const { own } = await testDatabase({ after });
const claims = openTaskClaims(own);
await indexTaskClaims(claims, 86_400_000);

const RUN = 'tasks/folder/run';
const none = (): Sums => ({ collected_file: 0, ack: 0, nack: 0, retry: 0 });

interface File {
  claim: string;
  attempts: number;
  end: 'sent' | 'changed' | 'refused' | 'gave-up' | null;
  isSettled: boolean;
}

/** Files as the workers of folders write them down, and what is to be told of them. */
function files() {
  const all: File[] = [];
  const expected = none();
  const openOnes = () => all.filter(({ end }) => end === null);
  const one = <T>(from: readonly T[], n: number): T | undefined => from[n % from.length];

  return {
    expected,
    async collect(): Promise<void> {
      const item = `folder/${uniqueName()}`;
      const claim: TaskClaim = {
        ...{ _id: `${item}~0`, worker: 'folder', item, generation: 0, conflict: false },
        ...{ token: 't', workflowId: RUN, index: all.length, bodyHash: '', key: null },
        message: { body: binary(''), properties: '' },
        origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
        ...{ receivedAt: new Date(), claimedAt: new Date(), attempts: 0, error: null },
        ...{ startedAt: null, finishedAt: null, outcome: null, settledAt: null, uncounted: true },
      };
      await claims.insert([claim]);
      all.push({ claim: claim._id, attempts: 0, end: null, isSettled: false });
      expected.collected_file += 1;
    },
    async attempt(n: number, end: File['end']): Promise<void> {
      const file = one(openOnes(), n);
      if (file === undefined) return;
      file.attempts += 1;
      file.end = end;
      const at = new Date();
      const failed = (failure: TaskError['failure'], word: string): TaskError => ({
        ...{ failure, class: word, reason: 'no', at },
      });
      const isDone = end === 'sent' || end === 'changed';
      const error = isDone
        ? null
        : end === null
          ? failed('exhausted', 'http-503')
          : failed('permanent', end === 'refused' ? 'http-422' : end);
      const outgoing = [
        { channel: { broker: 'memory', name: 'done' } as const, key: null, message: {} },
      ];
      const done = { result: JSON.stringify({ as: end, status: 200 }), outgoing };
      const recorded = {
        claim: file.claim,
        attempts: file.attempts,
        startedAt: at,
        finishedAt: at,
      };
      await claims.record([{ ...recorded, error, ...(isDone ? { done } : {}) }], RUN);
      if (end === 'sent') expected.ack += 1;
      if (end === 'refused') expected.nack += 1;
      if (end === null || end === 'gave-up') expected.retry += 1;
    },
    async settle(n: number): Promise<void> {
      const ended = all.filter(({ end, isSettled }) => end !== null && !isSettled);
      const file = one(ended, n);
      if (file === undefined) return;
      file.isSettled = true;
      const isDone = file.end === 'sent' || file.end === 'changed';
      const kind = isDone ? ('done' as const) : ('permanent' as const);
      const ending = { claim: file.claim, outcome: { kind, reason: null, at: new Date() } };
      if (!isDone) await claims.conclude([{ ...ending, attempts: file.attempts }], RUN);
      await claims.settled([ending], RUN);
    },
    async endAll(): Promise<void> {
      while (openOnes().length > 0) await this.attempt(0, 'sent');
      for (let left = all.length; left > 0; left -= 1) await this.settle(0);
    },
  };
}

/** Calls `at` before and after each statement of a publisher. */
function watched(steps: Intervals, at: (point: number) => Promise<void>): Intervals {
  let points = 0;
  const around =
    <A extends unknown[], R>(step: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      await at((points += 1));
      const result = await step(...given);
      await at((points += 1));
      return result;
    };
  return {
    turn: around(() => steps.turn()),
    left: around(() => steps.left()),
    isStillOurs: around(() => steps.isStillOurs()),
    adopt: around((tags: readonly string[], tag: string) => steps.adopt(tags, tag)),
    count: around((tag: string) => steps.count(tag)),
    sum: around((tag: string) => steps.sum(tag)),
    fix: around((pending: Interval) => steps.fix(pending)),
    letGo: around((tag: string) => steps.letGo(tag)),
    clear: around((tag: string) => steps.clear(tag)),
    leave: around(() => steps.leave()),
  };
}

/** Keeps what was sent under each key, which is the same each time. */
function receiver() {
  const taken = new Map<string, Sums>();
  return {
    sum: () =>
      [...taken.values()].reduce((total, each) => {
        for (const name of SUM_NAMES) total[name] += each[name];
        return total;
      }, none()),
    send:
      (answer: 'comes' | 'is lost' | 'is a refusal') =>
      (interval: Interval): Promise<void> => {
        if (answer !== 'is a refusal') {
          assert.deepEqual(taken.get(interval.tag) ?? interval.sums, interval.sums);
          taken.set(interval.tag, interval.sums);
        }
        return answer === 'comes' ? Promise.resolve() : Promise.reject(new Error(answer));
      },
  };
}

/** There are fewer points than that in a push. */
const POINTS = 24;
const happening = fc.oneof(
  fc.constant({ do: 'collect' as const }),
  fc.record({
    do: fc.constant('attempt' as const),
    n: fc.nat(20),
    end: fc.constantFrom(null, null, 'sent', 'changed', 'refused', 'gave-up'),
  }),
  fc.record({ do: fc.constant('settle' as const), n: fc.nat(20) }),
  fc.record({
    do: fc.constantFrom('dies' as const, 'stands still' as const),
    at: fc.integer({ min: 1, max: POINTS }),
    answer: fc.constantFrom('comes', 'comes', 'is lost', 'is a refusal'),
  }),
  fc.constant({ do: 'goes on' as const }),
);

test('what was pushed under different keys adds up to the outcomes, wherever publishers die or stand still', async () => {
  const script = fc.array(happening, { minLength: 20, maxLength: 50, size: 'max' });
  await fc.assert(
    fc.asyncProperty(script, async (happenings) => {
      const world = files();
      const api = receiver();
      const stalled: { goOn: () => void; end: Promise<unknown> }[] = [];
      /** A process of its own each time, and anyone may have the turn. */
      const fresh = () => openIntervals(own, -1);
      for (const each of happenings)
        switch (each.do) {
          case 'collect':
            await world.collect();
            break;
          case 'attempt':
            await world.attempt(each.n, each.end);
            break;
          case 'settle':
            await world.settle(each.n);
            break;
          case 'dies': {
            const dying = watched(fresh(), (point) =>
              point === each.at ? Promise.reject(new Error('killed')) : Promise.resolve(),
            );
            await pushDue(dying, api.send(each.answer)).catch(onlyPlanned);
            break;
          }
          case 'stands still': {
            const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
            const { promise: stands, resolve: isThere } = Promise.withResolvers<void>();
            const standing = watched(fresh(), (point) => {
              if (point !== each.at) return Promise.resolve();
              isThere();
              return gate;
            });
            const end = pushDue(standing, api.send(each.answer)).catch(onlyPlanned);
            stalled.push({ goOn, end });
            await Promise.race([stands, end]);
            break;
          }
          case 'goes on': {
            const first = stalled.shift();
            first?.goOn();
            await first?.end;
          }
        }
      for (const { goOn, end } of stalled) {
        goOn();
        await end;
      }
      await world.endAll();
      for (let n = 0; n < 3; n += 1) await pushDue(fresh(), api.send('comes'));
      assert.deepEqual(api.sum(), world.expected);
      assert.equal(await claims.collection.countDocuments({ uncounted: true }), 0);
    }),
    { numRuns: 40 },
  );
});

/** A stalled one finds that another has gone on, and a push has failed as it was to. */
function onlyPlanned(error: unknown): void {
  assert.match(String(error), /killed|is lost|is a refusal/);
}

test('an interval that was refused is pushed as it was, with what came meanwhile in the next one, and nothing for nothing', async (t) => {
  let isWell = false;
  const server = await webServer(t, (_, response) => response.writeHead(isWell ? 204 : 503).end());
  const world = files();
  await world.collect();
  const api = { url: `${server.url}/metrics?from=here`, everyMs: 50, authorization: 'Bearer x' };
  const push = startMetricPush(own, api, silent);
  const first = await eventually('a push', () => server.seen[0] ?? assert.fail());
  assert.equal(first.path, '/metrics?from=here');
  assert.equal(first.headers.authorization, 'Bearer x');
  assert.deepEqual(JSON.parse(first.body), { collected_file: 1 });
  await world.attempt(0, null);
  await world.attempt(0, 'sent');
  isWell = true;
  await eventually('the next interval', () =>
    assert.ok(server.seen.some(({ body }) => body === '{"ack":1,"retry":1}')),
  );
  const keys = new Map(server.seen.map((each) => [each.headers['idempotency-key'], each.body]));
  assert.deepEqual([...keys.values()], ['{"collected_file":1}', '{"ack":1,"retry":1}']);
  const before = server.seen.length;
  await push.close();
  assert.equal(server.seen.length, before);
  // Once more at the end, though its turn is far.
  const last = startMetricPush(own, { ...api, everyMs: 3_600_000 }, silent);
  await world.collect();
  await last.close();
  assert.deepEqual(JSON.parse(server.seen.at(-1)?.body ?? ''), { collected_file: 1 });
  await world.endAll();
});
