// All the servers of one instance together: start what is not there yet, tell how they are, end what was started.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { composePort, composeStop, composeUp, dockerRuns } from './docker.mjs';
import { untilHealthy } from './health.mjs';
import { withLock } from './lock.mjs';
import { excerpt, isRunning, startMark } from './processes.mjs';
import { rabbitmq } from './rabbitmq.mjs';
import { choosePorts, readState, writeState } from './state.mjs';
import { store } from './store.mjs';
import { temporal } from './temporal.mjs';
import { timeskipping } from './timeskipping.mjs';

export const catalogue = { rabbitmq, temporal, mongodb: store, timeskipping };
export const servers = ['rabbitmq', 'temporal', 'mongodb'];

/**
 * Brings the named engines up; what is healthy already is used as it is.
 * @param ctx `{instance, data, cache, env, store, progress, signal}`, and `modulesReady`, a promise, where node_modules
 *   are being installed meanwhile
 * @param transient true for engines that are to end with the run that started them
 * @param fresh true to begin with empty data, where an engine does not run yet
 * @returns the addresses by environment variable
 * @throws Error that names every engine which failed, with the cause and the end of its log
 */
export async function startEngines(ctx, names, { transient = false, fresh = false } = {}) {
  return withLock(ctx, join(ctx.data, 'lock'), async () => {
    const state = readState(ctx);
    if (transient) {
      state.users = [
        ...state.users.filter(isRunning),
        { pid: process.pid, started: startMark(process.pid) },
      ];
      writeState(ctx, state);
    }
    const docker = dockerRuns(ctx);
    const save = (name, record) => {
      state.engines[name] = record;
      writeState(ctx, state);
    };
    // Ports first and one after the other; then everything at once.
    for (const name of names)
      if (!isUp(state.engines[name]))
        await choosePorts(ctx, state, name, catalogue[name].portNames);
    // One that fails ends the others' fetching and building: who cannot start should not wait for minutes.
    const failing = new AbortController();
    const joint = { ...ctx, signal: AbortSignal.any([ctx.signal, failing.signal]) };
    const results = await Promise.allSettled(
      names.map((name) =>
        startOne(joint, catalogue[name], state, { transient, fresh, docker, save }).catch(
          (error) => {
            const consequence = joint.signal.aborted && error.name === 'AbortError';
            failing.abort();
            throw consequence ? undefined : error;
          },
        ),
      ),
    );
    ctx.signal.throwIfAborted();
    const faults = results.filter(({ status, reason }) => status === 'rejected' && reason);
    if (faults.length > 0) throw new Error(faults.map(({ reason }) => reason.message).join('\n\n'));
    return Object.assign({}, ...names.map((name) => state.engines[name].addresses));
  });
}

async function startOne(ctx, engine, state, { transient, fresh, docker, save }) {
  const before = state.engines[engine.name];
  const given = givenAddress(ctx, engine, before);
  if (given) {
    ctx.progress.say(`  ${engine.name}: as given by ${engine.variable}`);
    return save(engine.name, { how: 'given', addresses: given, processes: [] });
  }
  if (engine.program) {
    const found = await engine.locate(ctx);
    return save(engine.name, { ...found, addresses: engine.addresses({}, found), processes: [] });
  }
  const limits = { ms: engine.startMs, signal: ctx.signal };
  if (isUp(before)) {
    const alive = () => isUp(before);
    const answer = await check(engine, before).catch(() =>
      ctx.progress
        .step(`waiting for ${engine.name}, which runs but does not answer`, '', () =>
          untilHealthy(() => check(engine, before), { ...limits, alive }),
        )
        .catch(() => undefined),
    );
    ctx.signal.throwIfAborted();
    // `engines start` makes what a run started stay.
    if (answer)
      return save(engine.name, { ...before, ...answer, transient: before.transient && transient });
  }
  if (before) await engine.end({ ports: {}, ...before }).catch(() => undefined); // half of it may run
  if (docker && engine.service)
    return save(engine.name, await startInDocker(ctx, engine, transient));

  const found = await engine.locate(ctx);
  const ports = state.ports[engine.name];
  const data = join(ctx.data, engine.name);
  const log = join(ctx.data, 'logs', `${engine.name}.log`);
  if (existsSync(log)) renameSync(log, `${log}.previous`);
  if (fresh) rmSync(data, { recursive: true, force: true });
  const record = {
    ...found,
    ports,
    data,
    log,
    transient,
    processes: [],
    addresses: engine.addresses(ports),
  };
  const track = (one) => {
    record.processes.push(one);
    save(engine.name, record); // at once: an interrupted start can then be ended
  };
  try {
    await ctx.progress.step(`starting ${engine.name}`, '', async () => {
      await engine.launch(ctx, found, ports, { data, log, track });
      const alive = () => record.processes.every(isRunning);
      Object.assign(record, await untilHealthy(() => check(engine, record), { ...limits, alive }));
    });
  } catch (error) {
    await engine.end(record);
    delete state.engines[engine.name];
    writeState(ctx, state);
    if (error.name === 'AbortError') throw error;
    throw new Error(
      `${engine.name} did not start: ${error.message}. The end of ${log}:\n${excerpt(log)}`,
    );
  }
  save(engine.name, record);
}

/** An address from the environment, unless it is the one we gave ourselves (by `engines env`). */
function givenAddress(ctx, engine, before) {
  const address = ctx.env[engine.variable];
  if (!address || (before?.how !== 'given' && before?.addresses[engine.variable] === address))
    return undefined;
  return { [engine.variable]: address };
}

const check = (engine, record) => engine.check(record.addresses, record.ports, record.kind);

const isUp = (record) =>
  record !== undefined &&
  (record.how === 'docker' || (record.processes.length > 0 && record.processes.every(isRunning)));

async function startInDocker(ctx, engine, transient) {
  await composeUp(ctx, engine.service);
  const addresses = {
    rabbitmq: () => {
      const web = composePort(ctx, 'rabbitmq', 15672);
      return {
        AMQP_URL: `amqp://guest:guest@${composePort(ctx, 'rabbitmq', 5672)}`,
        ...(web ? { RABBITMQ_WEB_URL: `http://${web}` } : {}),
      };
    },
    temporal: () => {
      const web = composePort(ctx, 'temporal-ui', 8080);
      return {
        TEMPORAL_ADDRESS: composePort(ctx, 'temporal', 7233),
        ...(web ? { TEMPORAL_WEB_URL: `http://${web}` } : {}),
      };
    },
    mongodb: () => ({
      MONGODB_URI: `mongodb://${composePort(ctx, 'mongodb', 27017)}/despachante?directConnection=true`,
    }),
  }[engine.name]();
  return { how: 'docker', addresses, processes: [], transient, version: 'see docker-compose.yml' };
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
    const ending = names.filter(
      (name) => state.engines[name] && (!transientOnly || state.engines[name].transient),
    );
    const results = await Promise.allSettled(
      ending.map(async (name) => {
        const record = state.engines[name];
        if (record.how === 'docker') await composeStop(ctx, catalogue[name].service);
        else if (record.processes.length > 0) await catalogue[name].end(record);
        delete state.engines[name];
        writeState(ctx, state);
      }),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    if (failures.length > 0)
      throw new Error(failures.map(({ reason }) => reason.message).join('\n'));
    return ending;
  });
}

/** How each engine is, one object per engine: `{name, up, how, version, address, pid, data, log}`. */
export async function describeEngines(ctx, names) {
  const state = readState(ctx);
  return Promise.all(
    names.map(async (name) => {
      const engine = catalogue[name];
      const given = givenAddress(ctx, engine, state.engines[name]);
      const record = given
        ? { how: 'given', addresses: given, processes: [] }
        : state.engines[name];
      if (record === undefined) return { name, up: false };
      const answer = await healthOf(engine, record);
      return {
        name,
        up: answer !== undefined,
        how: record.how,
        version: answer?.version ?? record.version,
        address: record.addresses[engine.variable],
        pid: record.processes.at(-1)?.pid,
        data: record.data,
        log: record.log,
        addresses: record.addresses,
      };
    }),
  );
}

async function healthOf(engine, record) {
  if (engine.program) return {};
  if (record.how !== 'given' && !isUp(record)) return undefined;
  if (record.how === 'given' && !isPlain(record.addresses[engine.variable]))
    return { version: 'not checked' };
  try {
    return await check(engine, record);
  } catch {
    return undefined;
  }
}

/** One host without TLS: what our checks can speak to. */
const isPlain = (address) => !/^(amqps|mongodb\+srv):|[?&](tls|ssl)=true|,/.test(address);
