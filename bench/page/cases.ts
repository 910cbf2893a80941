/** How each demand on the operations page is measured. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { runAudit } from '../../src/audit/run-audit.ts';
import { binary } from '../../src/claims/claims.ts';
import { openGroupCounts } from '../../src/claims/group-counts.ts';
import { claimKey } from '../../src/domain/names.ts';
import { indexTaskClaims, openTaskClaims, type TaskClaim } from '../../src/tasks/claims.ts';
import type { Child } from '../../src/runtime/child.ts';
import { silent } from '../../src/runtime/log.ts';
import { cpuSeconds, peakRssMb } from '../processes.ts';
import type { Measured } from './figures.ts';
import type { World } from './world.ts';

export interface Size {
  /** Registrations, or failures. */
  count: number;
  groups: number;
  tabs: number;
  minutes: number;
  runs: number;
}

export type Figure = Pick<Measured, 'runs' | 'notes'>;

const REFUSED = { refuse: 'nome ausente', refuseTimes: 1 };
const seconds = (since: number): number => (performance.now() - since) / 1_000;
const whole = (ms: number): string => `${Math.round(ms)} ms`;

/** CPU of the servers, and of the page, while so many registrations go through; and how long that took. */
export async function flowThrough(world: World, { count }: Size, tabs: number) {
  await world.publish(count);
  const page = tabs === 0 ? null : await world.start('page');
  for (let n = 0; n < tabs && page !== null; n += 1) await isThere(await world.tab(page));
  await Promise.all([world.start('worker'), world.start('intake')]);
  const pids = page === null ? [] : [page.pid];
  const before = { servers: world.serverCpu(), page: cpuSeconds(pids) };
  const begun = performance.now();
  await world.ended('registered', count);
  return {
    seconds: seconds(begun),
    servers: world.serverCpu() - before.servers,
    page: cpuSeconds(pids) - before.page,
  };
}

export type Spent = Awaited<ReturnType<typeof flowThrough>>;

/** s of CPU a minute: the page's own, and what its questions cost the servers beyond a run that nobody watches. */
export function costOfWatching(alone: readonly Spent[], watched: readonly Spent[]): Figure {
  const mean = (all: readonly Spent[], of: (each: Spent) => number): number =>
    all.reduce((sum, each) => sum + of(each), 0) / all.length;
  const unwatched = mean(alone, ({ servers }) => servers);
  const runs = watched.map((each) => {
    return (60 * (each.page + each.servers - unwatched)) / each.seconds;
  });
  const own = mean(watched, (each) => (60 * each.page) / each.seconds);
  const spread = Math.max(...alone.map(({ servers }) => Math.abs(servers - unwatched)));
  return {
    runs,
    notes: `the page’s process ${own.toFixed(2)} s; runs that nobody watches differ by ${spread.toFixed(2)} s`,
  };
}

/** MB at most, and the share of a core in percent. */
export async function manyTabs(world: World, { tabs, minutes, count }: Size) {
  await failed(world, count);
  const page = await world.start('page');
  for (let n = 0; n < tabs; n += 1) await shown(await world.tab(page));
  const [before, begun] = [cpuSeconds([page.pid]), performance.now()];
  await delay(minutes * 60_000);
  const percent = (100 * (cpuSeconds([page.pid]) - before)) / seconds(begun);
  const notes = `${tabs} tabs for ${minutes} min`;
  return {
    memory: { runs: [peakRssMb(page.pid)], notes },
    cpu: { runs: [percent], notes },
  } satisfies Record<string, Figure>;
}

/** Failures, by the intake and the worker, as the legacy system refuses them. */
export async function failed(world: World, count: number): Promise<void> {
  await Promise.all([world.start('worker'), world.start('intake')]);
  await world.publish(count, REFUSED);
  await world.ended('rejected', count);
}

/** Until the failures stand there. */
const shown = (page: Page) => page.waitForSelector('#failures .aside');
/** Where there may be none. */
const isThere = (page: Page) => page.waitForSelector('#failures > :not(header, [aria-hidden])');

/** ms from asking for the page to its failures, and to the first paint. */
export async function opened(world: World, page: Child, { runs }: Size): Promise<Figure> {
  const all: number[] = [];
  const first: number[] = [];
  for (let n = 0; n < runs; n += 1) {
    const tab = await world.tab(page);
    await shown(tab);
    all.push(await tab.evaluate<number>('performance.now()'));
    first.push(
      await tab.evaluate<number>(
        `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0`,
      ),
    );
    await tab.context().close();
  }
  return { runs: all, notes: `first paint after ${first.map(whole).join(', ')}` };
}

const SEARCHES = 20;

/** ms from Enter to the timeline, the slowest of some; ids of all over. */
export async function searched(world: World, page: Child, { count }: Size): Promise<Figure> {
  const tab = await world.tab(page);
  await shown(tab);
  const all: number[] = [];
  for (let n = 0; n < SEARCHES; n += 1) {
    await tab.fill('#search', `bench-${Math.floor((n * count) / SEARCHES)}`);
    const begun = performance.now();
    await tab.press('#search', 'Enter');
    await tab.waitForSelector('.sheet .events');
    all.push(performance.now() - begun);
    await tab.keyboard.press('Escape');
    await tab.waitForSelector('.sheet', { state: 'detached' });
  }
  const sorted = all.sort((a, b) => a - b);
  const median = sorted[Math.floor(SEARCHES / 2)] ?? NaN;
  return {
    runs: [sorted.at(-1) ?? NaN],
    notes: `the slowest of ${SEARCHES}; median ${whole(median)}`,
  };
}

/** s from the button to the last that is registered. @throws Error where the audit finds one lost */
export async function redriven(world: World, page: Child, { count }: Size): Promise<Figure> {
  const tab = await world.tab(page);
  await tab.click('.groups tbody tr:first-child .act button >> nth=0');
  await tab.waitForSelector('dialog .count strong');
  await tab.fill('#reason', 'it is mended');
  const begun = performance.now();
  await tab.click('dialog button[type=submit]');
  await world.ended('registered', count);
  const took = seconds(begun);
  const { lost, filedTwice, holds } = await runAudit({ published: world.ledger }, world.config);
  if (lost.length > 0 || !holds)
    throw new Error(`The audit does not hold: ${lost.length} of ${count} are lost`);
  return { runs: [took], notes: `ten first; lost 0, filed twice ${filedTwice.length}` };
}

const WORKER = 'bench';
const CHUNK = 1_000;

/** Failures of tasks as a worker writes and counts them, so many in each group. Returns how long the counting took, s. */
async function fillGroups({ store, config }: World, { count, groups }: Size): Promise<number> {
  const { retention } = config.mongodb;
  const counts = openGroupCounts(store.own, { retention, log: silent });
  let counting = 0;
  const claims = openTaskClaims(store.own);
  await indexTaskClaims(claims, config.mongodb.retention);
  for (let first = 0; first < count; first += CHUNK) {
    const run = `tasks/${randomUUID()}`;
    const some = Array.from({ length: Math.min(CHUNK, count - first) }, (_, n) => first + n);
    await claims.insert(some.map((n) => claimOf(n, run)));
    const outcome = (n: number) => ({
      ...{ kind: 'permanent' as const, at: new Date() },
      // Digits would be folded away.
      reason: `order ${n} is refused: ${lettersOf(n % groups)} is missing`,
    });
    const ended = some.map((n) => ({ claim: claimKey(`${WORKER}/${n}`, 0), outcome: outcome(n) }));
    await claims.settled(ended, run);
    const begun = performance.now();
    await counts.catchUp(Date.now());
    counting += seconds(begun);
    if (first % (100 * CHUNK) === 0) process.stderr.write(`${first} failures are written\n`);
  }
  return counting;
}

const lettersOf = (n: number): string =>
  [...String(n)].map((digit) => 'abcdefghij'.charAt(Number(digit))).join('');

function claimOf(n: number, workflowId: string): TaskClaim {
  const item = `${WORKER}/${n}`;
  const at = new Date();
  return {
    _id: claimKey(item, 0),
    ...{ worker: WORKER, item, generation: 0, conflict: false, token: randomUUID(), workflowId },
    ...{ index: n % CHUNK, bodyHash: '0'.repeat(64), key: null, receivedAt: at, claimedAt: at },
    origin: { broker: 'rabbitmq', queue: WORKER, exchange: '', routingKey: WORKER },
    message: { body: binary(Buffer.alloc(200, 'x').toString('base64')), properties: '{}' },
    ...{ attempts: 1, startedAt: at, finishedAt: at, error: null, outcome: null, settledAt: null },
  };
}

/** ms until a page that is opened shows the list; what counting them took stands beside it. */
export async function grouped(world: World, size: Size): Promise<Figure> {
  const counting = await fillGroups(world, size);
  const { config, store } = world;
  const needs = { retention: config.mongodb.retention, log: silent };
  const counts = openGroupCounts(store.own, needs);
  const begun = performance.now();
  await counts.recountIfDue(Date.now());
  const recounted = seconds(begun);
  const { all, waiting } = await counts.read(Date.now(), 1);
  if (all !== size.groups || waiting !== size.count)
    throw new Error(`${waiting} failures in ${all} groups were counted`);
  const page = await world.start('page');
  const started = performance.now();
  await shown(await world.tab(page));
  const first = seconds(started);
  const { runs } = await opened(world, page, size);
  return {
    runs,
    notes: `counted as they were written, in ${counting.toFixed(1)} s; once a day anew, in ${recounted.toFixed(1)} s; shown ${first.toFixed(1)} s after the page’s start`,
  };
}
