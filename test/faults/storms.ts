/** Kill storms: processes and servers are killed (SIGKILL) at random, one every few seconds, under load. */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ownNames } from '../../bench/preload.ts';
import { startChild } from '../../src/runtime/child.ts';
import { runAudit } from '../../src/audit/run-audit.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { insist } from '../../src/runtime/retry.ts';
import { silent } from '../../src/runtime/log.ts';
import { outgoing } from '../../src/broker/rabbitmq/publish-all.ts';
import { openPublishedLedger } from '../../src/audit/published-ledger.ts';
import { createPublisher } from '../../src/broker/rabbitmq/publisher.ts';
import { sampleRegistrations } from '../../src/simulator/samples.ts';
import { draw } from '../../src/simulator/draw.ts';
import { uniqueName } from '../helpers/servers.ts';
import { conclude } from './conclude.ts';
import { privateServers } from './private-servers.ts';
import { SERVERS } from './private-servers.ts';
import type { PrivateServers } from './private-servers.ts';
import type { Scenario, Trial, World } from './scenario.ts';
import { supervise } from './supervised.ts';
import type { Supervised } from './supervised.ts';

export const storms: Scenario[] = [
  {
    name: 'storm/kills',
    fault:
      'Under load, one of worker, intake, Temporal, RabbitMQ, MongoDB and legacy system is killed at random every 3 to 7 s',
    isQuick: false,
    runsAlone: true,
    run: rage,
  },
];

/** All at the same time, each with servers and a seed of its own: most of a storm is waiting for the next strike. */
async function rage(world: World): Promise<Trial> {
  const ended = await Promise.allSettled(
    Array.from({ length: world.options.stormSeeds }, async (_, n) => {
      const servers = await privateServers(world, `storm-${n + 1}`);
      const trial = await storm(world, servers, world.seed + n);
      world.tell(`storm ${n + 1}: ${JSON.stringify(trial)}`);
      return trial;
    }),
  );
  // Only when all are over: their servers go with the scenario.
  const trials = ended.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
  const sum = (of: (trial: Trial) => number) => trials.reduce((all, each) => all + of(each), 0);
  return {
    times: sum(({ times }) => times ?? 0),
    registrations: sum(({ registrations }) => registrations),
    lost: sum(({ lost }) => lost),
    filedTwice: sum(({ filedTwice }) => filedTwice),
    settledTwice: sum(({ settledTwice }) => settledTwice),
    inDoubt: sum(({ inDoubt }) => inDoubt),
    recoverySeconds: Math.max(...trials.map(({ recoverySeconds }) => recoverySeconds ?? 0)),
  };
}

const SLOTS = 16;

async function storm(world: World, servers: PrivateServers, seed: number): Promise<Trial> {
  const { stormSeconds, stormRegistrations: count } = world.options;
  const folder = mkdtempSync(join(tmpdir(), 'despachante-storm-'));
  const filings = join(folder, 'legacy.jsonl');
  const published = join(folder, 'published.jsonl');
  const env: Record<string, string> = {
    ...servers.addresses,
    ...ownNames(uniqueName()),
    DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS),
    DESPACHANTE_LEGACY_TIMEOUT: '5s',
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '2s',
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '5s',
    DESPACHANTE_LOG_FORMAT: 'json',
  };
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const start = (giveUp: AbortSignal, ...args: string[]) =>
    startChild({ args, env, logFile: join(folder, `${args[0] ?? ''}.log`), giveUp });
  const simulate = (giveUp: AbortSignal, port: string) =>
    start(
      giveUp,
      'simulate',
      '--port',
      port,
      '--core-port',
      '0',
      '--ledger',
      filings,
      '--seed',
      String(seed),
      '--latency',
      '2s..5s',
      '--refuse',
      '0.05',
      '--fail',
      '0.05',
    );
  const first = await simulate(over.signal, '0');
  env['LEGACY_URL'] = first.facts.url ?? '';
  const { port } = new URL(env['LEGACY_URL']);
  await first.stop();
  const { config } = loadConfig({ env: { ...process.env, ...env } });
  const ours: Record<string, Supervised> = {
    legacy: supervise((ended) => simulate(ended, port)),
    worker: supervise((ended) => start(ended, 'worker', '--port', '0')),
    intake: supervise((ended) => start(ended, 'intake', '--port', '0')),
  };
  const stopAll = () => Promise.all(Object.values(ours).map((each) => each.stop()));
  try {
    const until = Date.now() + stormSeconds * 1_000;
    const publishing = publishUntil(until, config, { count, seed, published, over: over.signal });
    publishing.catch(() => {}); // listened to below
    const { strikes, onTheWire } = await strikeUntil(until, world, seed, servers, ours);
    await publishing;
    const audit = () => runAudit({ published, legacyLedger: filings }, config);
    const trial = await conclude(
      { audit },
      { maxInDoubt: SLOTS * onTheWire, faultEndedAt: Date.now(), withinMs: 300_000 },
    );
    // What they worked on goes with their servers.
    await stopAll();
    rmSync(folder, { recursive: true });
    return { ...trial, times: strikes };
  } catch (error) {
    world.tell(`logs and ledgers: ${folder}`);
    throw error;
  } finally {
    over.abort();
    await stopAll();
  }
}

/** Returns how often it struck, and how often one end of the wire to the legacy system. Everything is up, or on its way up, when it returns. */
async function strikeUntil(
  until: number,
  world: World,
  seed: number,
  servers: PrivateServers,
  ours: Record<string, Supervised>,
): Promise<{ strikes: number; onTheWire: number }> {
  const targets = [...SERVERS, ...Object.keys(ours)];
  let drawn = 0;
  const random = () => draw(seed, 'storm', 'strike', drawn++);
  const starting: Promise<void>[] = [];
  const struck: Record<string, number> = {};
  for (;;) {
    await delay(3_000 + random() * 4_000);
    if (Date.now() > until) break;
    const target = targets[Math.floor(random() * targets.length)] ?? '';
    const server = SERVERS.find((each) => each === target);
    if (server === undefined) {
      if (ours[target]?.kill() !== true) continue;
    } else {
      if (!servers.isUp(server)) continue;
      servers.kill(server);
      const again = servers.start(server);
      // Told of at the end; until then nobody listens.
      again.catch(() => {});
      starting.push(again);
    }
    struck[target] = (struck[target] ?? 0) + 1;
  }
  await Promise.all(starting);
  world.tell(`killed: ${JSON.stringify(struck)}`);
  const strikes = Object.values(struck).reduce((all, each) => all + each, 0);
  return { strikes, onTheWire: (struck['worker'] ?? 0) + (struck['legacy'] ?? 0) };
}

interface Publishing {
  count: number;
  seed: number;
  /** The ledger. */
  published: string;
  /** Aborted when nobody waits for the rest any more. */
  over: AbortSignal;
}

/** Publishes evenly over the time; each is tried again until the broker confirms it, so that some come twice. */
async function publishUntil(
  until: number,
  config: Config,
  { count, seed, published, over }: Publishing,
): Promise<void> {
  const publisher = await createPublisher({
    url: config.amqpUrl,
    heartbeatMs: config.rabbit.heartbeat,
    name: 'storm',
    log: silent,
  });
  const ledger = await openPublishedLedger(published);
  const begun = Date.now();
  const sending: Promise<void>[] = [];
  let n = 0;
  for (const { id, body } of sampleRegistrations({ count, seed, prefix: uniqueName() })) {
    const dueAt = begun + ((until - begun) * n++) / count;
    if (dueAt > Date.now()) await delay(dueAt - Date.now());
    const { properties } = outgoing(id, body);
    const publish = () => publisher.publish(config.rabbit.intakeQueue, body, properties);
    const confirmed = insist(publish, { stop: over, failed: () => {}, longestMs: 2_000 });
    sending.push(confirmed.then(() => ledger.add({ id, body })));
  }
  await Promise.all(sending);
  await ledger.close();
  await publisher.close();
}
