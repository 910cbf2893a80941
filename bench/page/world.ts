/** Worker, intake, legacy system and page under names of their own, and a real browser that looks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium, type Browser, type Page } from 'playwright-core';
import { outgoing } from '../../src/broker/rabbitmq/publish-all.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import { openStore, type Store } from '../../src/registrations/store.ts';
import { startChild, type Child } from '../../src/runtime/child.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { ownNames, publishTo, removeOwn } from '../preload.ts';
import { cpuSeconds, processTree, serverPids } from '../processes.ts';

export interface World {
  config: Config;
  store: Store;
  /** Of what the broker has confirmed. */
  ledger: string;
  /** User and system time of all servers, s. */
  serverCpu: () => number;
  start: (role: 'worker' | 'intake' | 'page') => Promise<Child>;
  /** So many registrations into the queue. @param simulate what they ask of the legacy system */
  publish: (count: number, simulate?: object) => Promise<void>;
  /** Waits until so many have ended in this way. */
  ended: (kind: OutcomeKind, count: number) => Promise<void>;
  /** A tab that has opened the link of the page, with a window of its own. */
  tab: (page: Child) => Promise<Page>;
}

const LATENCY = { minMs: 10_000, maxMs: 20_000 };
const LOOK_MS = 500;
const PATIENCE_MS = 600_000;

export async function inWorld<T>(instance: string, work: (world: World) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-bench-page-'));
  const ending: (() => Promise<unknown>)[] = [];
  try {
    const simulator = await startSimulator({ port: 0, corePort: 0, latency: LATENCY });
    ending.push(() => simulator.close());
    const env = { ...ownNames(Date.now().toString(36)), LEGACY_URL: simulator.url };
    const { config } = loadConfig({ env: { ...process.env, ...env } });
    const store = await openStore(config, 'worker');
    ending.push(() => store.close());
    ending.push(() => removeOwn(config));
    const servers = Object.values(serverPids(instance));
    const ledger = join(folder, 'published.jsonl');
    let browser: Browser | null = null;
    ending.push(async () => browser?.close());
    const result = await work({
      ...{ config, store, ledger },
      serverCpu: () => cpuSeconds(servers.flatMap(processTree)),
      async start(role) {
        const logFile = join(folder, `${role}.log`);
        const child = await startChild({ args: [role, '--port', '0'], env, logFile });
        ending.push(() => child.stop());
        return child;
      },
      async publish(count, simulate) {
        const all = Array.from({ length: count }, (_, n) => `bench-${n}`).map((id) =>
          outgoing(id, Buffer.from(JSON.stringify({ id, simulate }))),
        );
        await publishTo(config, all, ledger);
      },
      async ended(kind, count) {
        const deadline = Date.now() + PATIENCE_MS;
        const which = { 'outcome.kind': kind, settledAt: { $ne: null } };
        for (;;) {
          const found = await store.claims.collection.countDocuments(which);
          if (found >= count) return;
          if (Date.now() > deadline) throw new Error(`${found} of ${count} are ${kind}`);
          await delay(LOOK_MS);
        }
      },
      async tab({ facts }) {
        browser ??= await launch();
        const context = await browser.newContext({ locale: 'en-US' });
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE_MS);
        await page.goto(facts.url ?? '');
        return page;
      },
    });
    ending.unshift(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
    return result;
  } finally {
    // After a failure the folder stays: its logs tell why.
    for (const end of ending.reverse()) await end();
  }
}

function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '';
  if (executablePath === '')
    throw new Error('There is no Chromium: npm run bench:page fetches it where Debian has it');
  // Chromium refuses its sandbox to root. It sees our own pages alone.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}
