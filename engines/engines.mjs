// All the servers of one instance together: start what is not there yet, tell how they are, end what was started.
import { join } from 'node:path';
import { chromium } from './chromium.mjs';
import { composeStop, composeUp, dockerRuns } from './docker.mjs';
import { describe, end, givenAddress, launch, revive, waitFor } from './engine.mjs';
import { kafka } from './kafka.mjs';
import { withLock } from './lock.mjs';
import { isRunning, startMark } from './processes.mjs';
import { rabbitmq } from './rabbitmq.mjs';
import { redis } from './redis.mjs';
import { choosePorts, readState, writeState } from './state.mjs';
import { store } from './store.mjs';
import { temporal } from './temporal.mjs';
import { timeskipping } from './timeskipping.mjs';
import { toxiproxy } from './toxiproxy.mjs';

const catalogue = {
  rabbitmq,
  temporal,
  mongodb: store,
  timeskipping,
  toxiproxy,
  kafka,
  redis,
  chromium,
};
export const servers = ['rabbitmq', 'temporal', 'mongodb'];
export const everything = Object.keys(catalogue);

/**
 * Brings the named engines up; what is healthy already is used as it is.
 * @param ctx `{instance, data, cache, env, store, progress, signal}`, and `modulesReady`, a promise, where
 *   node_modules are being installed meanwhile
 * @param transient true for engines that are to end with the run that started them
 * @param fresh true to begin with empty data, where an engine does not run yet
 * @returns the addresses by environment variable, and which instance is ours where not all of them were given
 * @throws Error that names every engine which failed, with the cause and the end of its log
 */
export async function startEngines(ctx, names, { transient = false, fresh = false } = {}) {
  return withLock(ctx, join(ctx.data, 'lock'), async () => {
    const state = readState(ctx);
    if (transient) {
      const user = { pid: process.pid, started: startMark(process.pid) };
      state.users = [...state.users.filter(isRunning), user];
      writeState(ctx, state);
    }
    const keep = (name, record) => {
      if (record === undefined) delete state.engines[name];
      else state.engines[name] = record;
      writeState(ctx, state);
    };

    const addresses = {};
    const missing = [];
    for (const name of names) {
      const given = givenAddress(ctx, catalogue[name], state.ports[name]);
      if (given) ctx.progress.say(`  ${name}: as given by ${catalogue[name].variable}`);
      else missing.push(name);
      Object.assign(addresses, given);
    }

    const composed = await compose(ctx, state, missing, { transient, fresh });
    for (const [name, record] of Object.entries(composed)) keep(name, record);
    await together(ctx, missing, async (name, joint) => {
      const engine = catalogue[name];
      const before = state.engines[name];
      const alive = await revive(joint, engine, before);
      // `engines start` makes what a run started stay.
      if (alive) return keep(name, { ...alive, transient: alive.transient && transient });
      if (before) await end(joint, engine, before).catch(() => undefined);
      keep(name, undefined);
      const save = (record) => keep(name, record);
      try {
        keep(name, await launch(joint, engine, state.ports[name], { transient, fresh, save }));
      } catch (error) {
        keep(name, undefined);
        throw error;
      }
    });
    return Object.assign(
      addresses,
      ...missing.map((name) => state.engines[name].addresses),
      missing.length > 0 ? ownership(ctx) : {},
    );
  });
}

/**
 * Brings up those of the named engines that this machine can have and that start, as `startEngines` does it.
 * @param told is given a sentence for each of the others
 */
export async function startOptional(ctx, names, told, options) {
  const addresses = {};
  for (const name of names) {
    try {
      Object.assign(addresses, await startEngines(ctx, [name], options));
    } catch (error) {
      ctx.signal.throwIfAborted();
      told(`${name} cannot be had here, and the tests that need it are skipped: ${error.message}`);
    }
  }
  return addresses;
}

/** By this `despachante start` knows what is ours: its state file has the addresses, and its folder takes ledgers and key. */
export const ownership = (ctx) => ({ DESPACHANTE_INSTANCE: ctx.data });

/** Chooses ports for what does not run, and lets a Docker engine, if there is one, bring it up. */
async function compose(ctx, state, names, { transient, fresh }) {
  const down = [];
  for (const name of names) {
    const engine = catalogue[name];
    if (engine.program || (await revive(ctx, engine, state.engines[name]))) continue;
    // What may still run of it would hold the ports that it had.
    if (state.engines[name]) await end(ctx, engine, state.engines[name]).catch(() => undefined);
    await choosePorts(ctx, state, name, engine.portNames);
    down.push(name);
  }
  // Data stays where it began: a Docker engine that runs only today must not hide yesterday's.
  const wanted = down.filter(
    (name) => !catalogue[name].local && (fresh || state.inDocker[name] !== false),
  );
  const records = {};
  if (wanted.length > 0 && dockerRuns(ctx)) {
    try {
      await composeUp(ctx, wanted, state.ports, { fresh });
      for (const name of wanted) {
        const ports = state.ports[name];
        const addresses = catalogue[name].addresses(ports, undefined, ctx);
        const record = { how: 'docker', ports, addresses, processes: [], transient };
        records[name] = { ...record, ...(await waitFor(ctx, catalogue[name], record, 20_000)) };
      }
    } catch (error) {
      ctx.signal.throwIfAborted();
      ctx.progress.say(`  Docker could not do it, so the next way is tried. ${error.message}`);
      for (const name of wanted)
        if (!records[name]) await composeStop(ctx, name).catch(() => undefined);
    }
  }
  for (const name of down) {
    if (state.inDocker[name] && !records[name] && !fresh)
      ctx.progress.say(`  note: earlier data of ${name} are in a Docker volume and stay there`);
    state.inDocker[name] = records[name] !== undefined;
  }
  return records;
}

/** All at once; one that fails ends the others' fetching and building, since it would be for nothing. */
async function together(ctx, names, work) {
  const failing = new AbortController();
  const joint = { ...ctx, signal: AbortSignal.any([ctx.signal, failing.signal]) };
  const faults = [];
  await Promise.all(
    names.map((name) =>
      work(name, joint).catch((error) => {
        if (!joint.signal.aborted || error.name !== 'AbortError') faults.push(error.message);
        failing.abort();
      }),
    ),
  );
  ctx.signal.throwIfAborted();
  if (faults.length > 0) throw new Error(faults.join('\n\n'));
}

/**
 * Ends engines: all of them, or (`transientOnly`) those which runs have started, once no other run uses them.
 * @returns the names of what was ended
 */
export async function stopEngines(ctx, names, { transientOnly = false } = {}) {
  return withLock(ctx, join(ctx.data, 'lock'), async () => {
    const state = readState(ctx);
    state.users = state.users.filter((user) => user.pid !== process.pid && isRunning(user));
    writeState(ctx, state);
    if (transientOnly && state.users.length > 0) return [];
    const ending = names.filter((name) => {
      const record = state.engines[name];
      return record && !catalogue[name].program && (!transientOnly || record.transient);
    });
    await together(ctx, ending, async (name, joint) => {
      await end({ ...joint, signal: ctx.signal }, catalogue[name], state.engines[name]);
      delete state.engines[name];
      writeState(ctx, state);
    });
    return ending;
  });
}

/** How each engine is: see `describe`. */
export function describeEngines(ctx, names) {
  const state = readState(ctx);
  return Promise.all(names.map((name) => describe(ctx, catalogue[name], state)));
}
