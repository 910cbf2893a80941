// One server: start it by the first way that works, ask how it is, end it. An engine (see rabbitmq.mjs) says how it is
// found, launched, checked and ended; its record, kept in the instance's state, says what runs.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { composeStop } from './docker.mjs';
import { untilHealthy } from './health.mjs';
import { excerpt, isRunning } from './processes.mjs';

/**
 * The address given by the user in the environment, unless it is the one that we gave ourselves (by `engines env`):
 * that one must not be taken for a server of the user's, also when ours does not run any more.
 * @param ports what the instance remembers for this engine, or undefined
 * @returns `{VARIABLE: address}` or undefined
 */
export function givenAddress(ctx, engine, ports) {
  const address = ctx.env[engine.variable];
  const own = ports && !engine.program && engine.addresses(ports, undefined, ctx)[engine.variable];
  return !address || address === own ? undefined : { [engine.variable]: address };
}

/** Whether what was started still runs (which does not say that it answers). */
const runs = (record) =>
  record !== undefined &&
  (record.how === 'docker' || (record.processes.length > 0 && record.processes.every(isRunning)));

/** The server's answer, `{version}`. @throws Error when there is none */
const ask = (engine, record) =>
  // In a container only the ports which the addresses name are open to us.
  engine.check(record.addresses, record.how === 'docker' ? undefined : record.ports, record.kind);

/** What runs already, once it answers; undefined when it does not, and is to be started anew. */
export async function revive(ctx, engine, record) {
  if (!runs(record)) return undefined;
  try {
    return { ...record, ...(await ask(engine, record)) };
  } catch {
    if (record.how === 'docker') return undefined;
  }
  try {
    const answer = await ctx.progress.step(
      `waiting for ${engine.name}, which runs but does not answer`,
      '',
      () => waitFor(ctx, engine, record),
    );
    return { ...record, ...answer };
  } catch {
    ctx.signal.throwIfAborted();
    return undefined;
  }
}

/**
 * Finds, launches and awaits a server.
 * @param save is told of the record as soon as a process runs, so that an interrupted start can be ended
 * @throws Error with the cause and the end of the log; nothing is left running then
 */
export async function launch(ctx, engine, ports, { transient, fresh, save }) {
  const found = await engine.locate(ctx);
  if (engine.program)
    return { ...found, addresses: engine.addresses({}, found, ctx), processes: [] };
  const data = join(ctx.data, engine.name);
  const log = join(ctx.data, 'logs', `${engine.name}.log`);
  if (existsSync(log)) renameSync(log, `${log}.previous`);
  if (fresh) rmSync(data, { recursive: true, force: true });
  const addresses = engine.addresses(ports, found, ctx);
  const record = { ...found, ports, data, log, transient, processes: [], addresses };
  const track = (one) => {
    record.processes.push(one);
    save(record);
  };
  try {
    return await ctx.progress.step(`starting ${engine.name}`, '', async () => {
      await engine.launch(ctx, found, ports, { data, log, track });
      return { ...record, ...(await waitFor(ctx, engine, record)) };
    });
  } catch (error) {
    await end(ctx, engine, record);
    if (error.name === 'AbortError') throw error;
    throw new Error(
      `${engine.name} did not start: ${error.message}. The end of ${log}:\n${excerpt(log)}`,
    );
  }
}

export const waitFor = (ctx, engine, record, ms = engine.startMs) =>
  untilHealthy(() => ask(engine, record), { ms, signal: ctx.signal, alive: () => runs(record) });

/** Ends what was started and waits until it is gone; also when only half of it runs. */
export async function end(ctx, engine, record) {
  if (record.how === 'docker') await composeStop(ctx, engine.name);
  else if (record.processes.length > 0) await engine.end(record);
}

/** `{name, up, how, version, address, addresses, pid, data, log}` as `engines status` shows it. */
export async function describe(ctx, engine, state) {
  const ours = state.engines[engine.name];
  const given = givenAddress(ctx, engine, state.ports[engine.name]);
  const record = given ? { how: 'given', addresses: given, processes: [] } : ours;
  if (record === undefined) return { name: engine.name, up: false };
  const answer = await health(engine, record).catch(() => undefined);
  return {
    name: engine.name,
    up: answer !== undefined,
    how: record.how,
    version: answer?.version ?? record.version,
    address: record.addresses[engine.variable],
    addresses: record.addresses,
    pid: record.processes.at(-1)?.pid,
    data: record.data,
    log: record.log,
  };
}

async function health(engine, record) {
  if (engine.program) return existsSync(record.addresses[engine.variable]) ? {} : undefined;
  if (record.how !== 'given') return runs(record) ? ask(engine, record) : undefined;
  // One host without TLS is what our checks can speak to.
  const plain = !/^(amqps|mongodb\+srv):|[?&](tls|ssl)=true|,/.test(
    record.addresses[engine.variable],
  );
  return plain ? ask(engine, record) : { version: 'not checked' };
}
