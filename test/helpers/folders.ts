/** Collected folders on a real file system, with a receiver that a test scripts. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoldersSetting } from '../../src/config/folders.ts';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import { openActions } from '../../src/coordination/actions.ts';
import { openControl } from '../../src/coordination/control.ts';
import { startCollect } from '../../src/door/start-collect.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { reachOfWorker } from '../../src/operations/folder-state.ts';
import { beginRedrive } from '../../src/operations/redrive.ts';
import { silent, type Log } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { connectTemporal, registerSearchAttributes } from '../../src/temporal/client.ts';
import { readFolders } from '../../src/config/folders.ts';
import { eventually } from './eventually.ts';
import { atEnd, uniqueName, type Ending } from './servers.ts';
import { webServer, type SeenRequest } from './web-server.ts';
import { sampleConfig } from './workers.ts';

/** A folder of its own, away when the test ends. */
export async function testFolder(t: Ending, name = 'inbox', below = tmpdir()): Promise<string> {
  const root = await mkdtemp(join(below, 'despachante-folder-'));
  atEnd(t, () => rm(root, { recursive: true, force: true }));
  const path = join(root, name);
  await mkdir(path);
  return path;
}

/** As a producer does that writes elsewhere first. */
export async function drop(path: string, name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(path, `.${name}.new`), content);
  await rename(join(path, `.${name}.new`), join(path, name));
}

/** All files below a folder, without what is ours, as paths. */
export async function filesBelow(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !entry.name.startsWith('status.json'))
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

export const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('base64');

const COLLECTOR = new URL('mortal-collector.js', import.meta.url).pathname;

/** A process that collects, and dies at its failpoint (`<name>` or `<name>:<passage>`), or else when the test ends. */
export function spawnCollector(
  t: Ending,
  given: { config: Config; file: string; failpoint: string | null },
) {
  const child = spawn(process.execPath, [COLLECTOR, JSON.stringify(given)], { stdio: 'ignore' });
  atEnd(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

export type Receive = (request: SeenRequest, response: ServerResponse, attempt: number) => void;

/** A receiver, a folder and the settings for both; nothing runs yet. `folder`: YAML of more keys. */
export async function folderPlace(
  t: Ending,
  receive: Receive,
  folder: string[] = [],
  { path = null, log = silent }: { path?: string | null; log?: Log } = {},
) {
  const name = uniqueName();
  path ??= await testFolder(t);
  const receiver = await webServer(t, (request, response) =>
    receive(request, response, Number(request.headers['x-attempt'])),
  );
  const file = join(path, '..', 'folders.yaml');
  const setting = async (more: string[] = folder): Promise<FoldersSetting> => {
    const lines = [
      'folders:',
      '  - name: inbox',
      `    path: ${path}`,
      `    send: {url: '${receiver.url}/{folder}/{name}'}`,
      '    every: 50ms',
      ...more.map((line) => `    ${line}`),
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const read = readFolders(file);
    if (read === null) throw new Error('the file was just written');
    return read;
  };
  const config: Config = sampleConfig(name, { tasks: { ...DEFAULTS.tasks } });
  const client = await connectTemporal(config);
  atEnd(t, () => client.connection.close());
  await registerSearchAttributes(client);
  const mongo = await openDatabase(config, 'writer');
  atEnd(t, () => mongo.close());
  const claims = mongo.own.collection<TaskClaim>(OWN.taskClaims);
  const startAs = async (read: FoldersSetting) => {
    const metrics = createMetrics();
    const process = { config, forOthers: {}, client, metrics, log };
    const running = await startCollect(process, read);
    atEnd(t, () => running.stop());
    return { ...running, metrics };
  };
  return {
    ...{ config, client, path, receiver, file, setting, claims, startAs, own: mongo.own },
    claimsOf: (file: string): Promise<TaskClaim[]> =>
      claims
        .find({ item: { $regex: `^inbox/${file.replaceAll('.', '\\.')}~` } })
        .sort({ claimedAt: 1 })
        .toArray(),
    /** As an operator does, once a process that collects is heard of. */
    async redrive(id: string): Promise<void> {
      const control = openControl(mongo.own);
      const at = await eventually('the process is heard of', async () => {
        const reach = reachOfWorker(config, await control.read(), 'inbox');
        assert.notEqual(reach, config);
        return reach;
      });
      const store = { actions: openActions(mongo.own), control };
      const begun = await beginRedrive(
        { config: at, client, store, worker: 'inbox' },
        {
          order: {
            ...{ ids: [id], class: null, reason: null, olderThan: null, newerThan: null },
            ...{ limit: null, maxRedrives: 3, foreign: false, perSecond: null, canary: null },
          },
          said: { by: 'ana', reason: null, on: id },
          carried: null,
        },
      );
      assert.equal(begun.kind, 'begun');
    },
    start: async (more?: string[]) => startAs(await setting(more)),
    startWith: async (more: Partial<FoldersSetting>) => startAs({ ...(await setting()), ...more }),
    read: (name: string): Promise<string> => readFile(join(path, name), 'utf8'),
  };
}
