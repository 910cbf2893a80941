// The legacy system to try the product against: an HTTP adaptation layer in front of a core that is slow and speaks a
// protocol of its own over TCP. Everything it accepts and answers goes into a ledger, so that an audit can tell a
// registration that was lost from one filed twice.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Behaviour, check, createScript } from './behaviour.ts';
import { createControl } from './control.ts';
import { createCoreClient } from './core-client.ts';
import { createCore } from './core.ts';
import { createFilings } from './filings.ts';
import { createLater } from './later.ts';
import { createLayer } from './layer.ts';
import type { LedgerEntry } from './ledger.ts';
import { openLedger } from './ledger-file.ts';
import { listen } from './listen.ts';
import { defaultOptions, optionsSchema, type SimulatorOptions } from './options.ts';
import { createLookUp } from './look-up.ts';
import { createPoll, createPollFaults } from './poll.ts';
import { shapeOf } from './shape.ts';
import { createStatistics, type SimulatorStats } from './statistics.ts';
import { createSubmit } from './submit.ts';

export interface Simulator {
  /** `http://127.0.0.1:9997` */
  url: string;
  /** `127.0.0.1:9998` */
  coreAddress: string;
  port: number;
  corePort: number;
  stats(): SimulatorStats;
  /** What the ledger holds so far, oldest first. */
  ledger(): LedgerEntry[];
  /** Changes the given parts of the behaviour from now on; throws an Error that names what is wrong. */
  script(changes: Partial<Behaviour>): void;
  /** The core goes down while the layer stays: POST and GET answer 503. Commands already on the way are answered first. */
  stopCore(): Promise<void>;
  /** Back on the same port; resolves when the layer has found it. What was accepted earlier is still known. */
  startCore(): Promise<void>;
  /** Answers what waits for its answer, closes every connection and the ledger. */
  close(): Promise<void>;
}

/**
 * Starts layer and core in this process; options not given are `defaultOptions`.
 * @throws Error when an option is wrong, a port is taken, or the ledger cannot be read: its message names the remedy.
 */
export async function startSimulator(given: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const options = check(optionsSchema, { ...defaultOptions, ...given }, 'options of the simulator');
  const { host, port, corePort, seed, ledgerFile, system, idempotent, preset, ...behaviour } =
    options;

  const ledger = await openLedger(ledgerFile, system);
  const statistics = createStatistics();
  ledger.follow((entry) => statistics.observe(entry));
  const script = createScript(behaviour, Date.now());
  const core = createCore(host, createFilings(ledger, seed, idempotent));
  const client = createCoreClient(host);
  const later = createLater();
  const pollFaults = createPollFaults();
  const shape = shapeOf(preset);
  const requests = { gets: 0, posts: 0 };
  const stats = () => statistics.read(Date.now(), requests);

  // One after the other: two hurried control calls must not start a core that runs.
  let boundCorePort = corePort;
  let coreIsUp = false;
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (action: () => Promise<void>): Promise<void> => {
    const done = turn.then(action);
    turn = done.catch(() => undefined);
    return done;
  };
  const startCore = () =>
    inTurn(async () => {
      if (coreIsUp) return;
      boundCorePort = await core.start(boundCorePort);
      coreIsUp = true;
      await client.connect(boundCorePort);
    });
  const stopCore = () =>
    inTurn(async () => {
      if (!coreIsUp) return;
      await client.disconnect();
      await core.stop();
      coreIsUp = false;
    });

  const layer = createLayer({
    ledger,
    submit: createSubmit({ seed, script, client, ledger, later, pollFaults, shape }),
    poll: createPoll({ script, client, pollFaults, shape }),
    lookUp: createLookUp({ script, client }),
    control: createControl({ script, startCore, stopCore }),
    count: (what) => (requests[what] += 1),
    stats,
  });
  const leave = async (): Promise<void> => {
    const closed = new Promise((resolve) => layer.close(resolve));
    await stopCore();
    later.hurry();
    await ledger.written().catch(() => undefined); // closing the ledger tells
    await nextTurn(); // for the answers that waited for the same
    layer.closeAllConnections();
    await closed;
    await ledger.close();
  };

  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= leave());

  try {
    await startCore();
    const boundPort = await listen(layer, host, port, 'the HTTP layer');
    const shownHost = host.includes(':') ? `[${host}]` : host;
    return {
      url: `http://${shownHost}:${boundPort}`,
      coreAddress: `${shownHost}:${boundCorePort}`,
      port: boundPort,
      corePort: boundCorePort,
      stats,
      ledger: () => [...ledger.entries()],
      script: (changes) => script.change(changes),
      startCore,
      stopCore,
      close,
    };
  } catch (error) {
    await close().catch(() => undefined); // why it did not start matters more
    throw error;
  }
}
