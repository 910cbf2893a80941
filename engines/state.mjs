// What an instance remembers between commands: ports, running processes, who uses them. One JSON file.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

const empty = () => ({ ports: {}, inDocker: {}, engines: {}, users: [] });

/** @returns `{ports: {engine: {name: port}}, inDocker: {engine: boolean}, engines: {engine: record}, users: [{pid, started}]}` */
export function readState(ctx) {
  try {
    const state = JSON.parse(readFileSync(join(ctx.data, 'state.json'), 'utf8'));
    return { ...empty(), ...state };
  } catch (error) {
    if (error.code === 'ENOENT') return empty();
    throw new Error(
      `cannot read ${join(ctx.data, 'state.json')} (${error.message}). End the servers of this instance by hand and delete that file.`,
    );
  }
}

export const writeState = (ctx, state) =>
  writePrivate(join(ctx.data, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);

/** Whole or not at all, for this user alone: addresses may have passwords and tokens. */
export function writePrivate(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: 'wx' });
  renameSync(`${file}.new`, file);
}

/**
 * Ports for one engine: those of last time while they are free, so that addresses stay the same
 * tomorrow; else the next free ones. Below 32768, where systems hand out ports to clients.
 */
export async function choosePorts(ctx, state, engine, names) {
  const taken = new Set(
    Object.entries(state.ports)
      .filter(([other]) => other !== engine)
      .flatMap(([, ports]) => Object.values(ports)),
  );
  const chosen = {};
  let next = firstPort(ctx.instance);
  for (const name of names) {
    let port = state.ports[engine]?.[name];
    while (port === undefined || taken.has(port) || !(await isFree(port))) port = next++;
    chosen[name] = port;
    taken.add(port);
  }
  state.ports[engine] = chosen;
  return chosen;
}

function firstPort(instance) {
  const known = { default: 27100, test: 27120, bench: 27140 }[instance];
  if (known !== undefined) return known;
  let hash = 0;
  for (const letter of instance) hash = (hash * 31 + letter.charCodeAt(0)) % 100;
  return 27200 + hash * 20;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
