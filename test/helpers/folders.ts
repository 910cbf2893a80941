/** Collected folders on a real file system, with a receiver that a test scripts. */
import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoldersSetting } from '../../src/config/folders.ts';
import { DEFAULTS, type Config } from '../../src/config/schema.ts';
import { startCollect } from '../../src/door/start-collect.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import type { TaskClaim } from '../../src/tasks/claims.ts';
import { connectTemporal, registerSearchAttributes } from '../../src/temporal/client.ts';
import { readFolders } from '../../src/config/folders.ts';
import { atEnd, uniqueName, type Ending } from './servers.ts';
import { webServer, type SeenRequest } from './web-server.ts';
import { sampleConfig } from './workers.ts';

/** A folder of its own, away when the test ends. */
export async function testFolder(t: Ending, name = 'inbox'): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'despachante-folder-'));
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

export type Receive = (request: SeenRequest, response: ServerResponse, attempt: number) => void;

/** A receiver, a folder and the settings for both; nothing runs yet. `folder`: YAML of more keys. */
export async function folderPlace(t: Ending, receive: Receive, folder: string[] = []) {
  const name = uniqueName();
  const path = await testFolder(t);
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
    const process = { config, forOthers: {}, client, metrics: createMetrics(), log: silent };
    const running = await startCollect(process, read);
    atEnd(t, () => running.stop());
    return running;
  };
  return {
    ...{ config, client, path, receiver, file, setting, claims, own: mongo.own },
    claimsOf: (file: string): Promise<TaskClaim[]> =>
      claims
        .find({ item: { $regex: `^inbox/${file.replaceAll('.', '\\.')}~` } })
        .sort({ claimedAt: 1 })
        .toArray(),
    start: async (more?: string[]) => startAs(await setting(more)),
    startWith: async (more: Partial<FoldersSetting>) => startAs({ ...(await setting()), ...more }),
    read: (name: string): Promise<string> => readFile(join(path, name), 'utf8'),
  };
}
