// Reads folders.yaml: the folders whose files are sent, and to whom.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, shown } from './faults.ts';
import { readConfigFile } from './file.ts';
import { httpHandler, httpUrl, variable } from './http-handler.ts';
import { duration, text, whole, word } from './values.ts';
import { faultAt, readWritten, type Written } from './written.ts';

export const FOLDERS_FILE = 'folders.yaml';

const marker = z
  .strictObject(
    {
      marker: text(
        'a file name with {name} in it, such as {name}.done',
        200,
        /^[^/]*\{name\}[^/]*$/,
      ),
    },
    'quiet: …, rename, or marker: "{name}.done"',
  )
  .refine(({ marker }) => marker !== '{name}', 'another name than that of the file itself')
  .transform(
    ({ marker: name }) => ({ kind: 'marker', name: Buffer.from(name).toString('latin1') }) as const,
  );

const quiet = z
  .strictObject({ quiet: duration('0ms', '1d') })
  .transform(({ quiet: ms }) => ({ kind: 'quiet', ms }) as const);

const renamed = z.literal('rename').transform(() => ({ kind: 'rename' }) as const);

const folder = z.strictObject({
  name: text('a name of letters, digits, - and _', 60, /^[A-Za-z0-9][A-Za-z0-9_-]*$/),
  path: text('the path of a folder', 4_000),
  send: httpHandler(),
  ready: z
    .union([quiet, renamed, marker], 'quiet: 5s, rename, or marker: "{name}.done"')
    .prefault({ quiet: '5s' }),
  every: duration('20ms', '1d').prefault('2s'),
  weight: whole(1, 1_000).prefault(1),
  empty: word(['send', 'refuse', 'ignore']).prefault('send'),
  done: word(['keep', 'delete']).prefault('keep'),
  keepDone: duration('1h', '3650d').prefault('30d'),
  /** Where an answer is lost: sent again under its key, or a person decides. */
  onUnknown: word(['resubmit', 'ask']).prefault('resubmit'),
  maxAge: duration('1s', '365d').prefault('7d'),
});

/** The API that is told the sums of each interval. */
const metrics = z.strictObject(
  {
    url: httpUrl(),
    every: duration('1s', '1d').prefault('30s'),
    authorization_env: variable(),
  },
  'a mapping with the key url',
);

export const foldersSchema = z.strictObject(
  {
    folders: z.array(folder, 'a list of folders'),
    schedule: word(['fair', 'oldest']).prefault('fair'),
    metrics: metrics.nullable().prefault(null),
  },
  'a mapping with the key folders',
);

export type FolderSetting = z.output<typeof folder>;
export type FoldersSetting = z.output<typeof foldersSchema>;

const METRICS_KEYS = Object.keys(metrics.shape);
const SEND_KEYS = Object.keys(httpHandler().shape);
const KEYS = Object.keys(folder.shape);

const keysAt = (path: readonly PropertyKey[]): readonly string[] =>
  path.includes('send')
    ? SEND_KEYS
    : path[0] === 'metrics'
      ? METRICS_KEYS
      : path.includes('ready')
        ? ['quiet', 'marker']
        : path.length === 0
          ? Object.keys(foldersSchema.shape)
          : KEYS;

/**
 * The folders of the file; null where nobody names it and it is not there.
 * @throws ConfigError with every fault at once, each with its line
 */
export function readFolders(file: string | undefined): FoldersSetting | null {
  if (file === undefined && !existsSync(FOLDERS_FILE)) return null;
  const written: Written = {
    ...readConfigFile(file ?? FOLDERS_FILE),
    ...{ name: FOLDERS_FILE, keysAt },
    isOpen: (path) => !path.includes('send') && !path.includes('metrics'),
  };
  const read = readWritten(foldersSchema, written);
  const placed = read.folders.map((each) => ({ ...each, path: resolve(each.path) }));
  const twice = placed.flatMap((each, at) => [
    ...placed
      .slice(0, at)
      .flatMap(({ name }) =>
        name === each.name
          ? [
              faultAt(
                written,
                ['folders', at, 'name'],
                'a name that no other folder has',
                shown(name, true),
              ),
            ]
          : [],
      ),
    ...placed.flatMap(({ path }, other) =>
      other < at && (isIn(each.path, path) || isIn(path, each.path))
        ? [
            faultAt(
              written,
              ['folders', at, 'path'],
              'a folder outside of all others',
              shown(each.path, true),
            ),
          ]
        : [],
    ),
  ]);
  if (twice.length > 0) throw new ConfigError(twice);
  return { ...read, folders: placed };
}

const isIn = (inner: string, outer: string): boolean => `${inner}/`.startsWith(`${outer}/`);
