/** Finds workers in files. TypeScript needs no build step: Node itself takes the types away. */
import { glob, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HttpHandler } from '../config/http-handler.ts';
import { classOf, fromClass, isTaskClass, isTaskInstance } from './from-class.ts';
import { whyBroken } from './why-broken.ts';
import { isWorker, type Worker } from './worker.ts';

export interface Found {
  worker: Worker;
  /** Absolute. */
  file: string;
  /** Its handler is ours, and sends each message there. */
  http?: HttpHandler;
}

export interface Discovered {
  found: Found[];
  /** One sentence for each file that could not be loaded. */
  broken: string[];
}

/** Thrown with everything that keeps workers from being loaded. */
export class WorkersNotLoadedError extends Error {
  override readonly name = 'WorkersNotLoadedError';
}

/**
 * Every worker that the files export, by any name: what `defineWorker` made, and classes and instances of `TaskWorker`.
 * @param paths folders, which are searched as a whole, files and globs
 * @param options `begins` is told of each file before its import
 * @throws WorkersNotLoadedError where two workers have one name, or (unless `skipBroken`) a file cannot be loaded
 */
export async function discover(
  paths: readonly string[],
  {
    skipBroken = false,
    begins = () => {},
  }: { skipBroken?: boolean; begins?: (file: string) => void } = {},
): Promise<Discovered> {
  const found: Found[] = [];
  const broken: string[] = [];
  const seen = new Set<unknown>();
  for (const file of await filesOf(paths))
    try {
      begins(shown(file));
      const exported = (await exportsOf(file)).filter((value) => !seen.has(value));
      for (const value of exported) seen.add(value);
      found.push(...workersIn(exported).map((worker) => ({ worker, file })));
    } catch (error) {
      broken.push(`${shown(file)} cannot be loaded: ${await whyBroken(error, file)}`);
    }
  const faults = [...duplicates(found), ...(skipBroken ? [] : broken)];
  if (faults.length > 0) throw new WorkersNotLoadedError(faults.join('\n'));
  return { found, broken };
}

const shown = (file: string): string => relative('.', file);

const SOURCE = /\.(ts|mts|js|mjs)$/;
const NO_WORKER = /\.d\.m?ts$|\.(test|spec)\.m?[jt]s$|(^|[\\/])(node_modules|__tests__)[\\/]/;

async function filesOf(paths: readonly string[]): Promise<Set<string>> {
  const files = new Set<string>();
  for (const path of paths) {
    const kind = await stat(path).catch(() => null);
    const before = files.size;
    // The name of a folder or file may hold what a glob would take for a pattern.
    const isFolder = kind?.isDirectory() === true;
    const cwd = isFolder ? path : '.';
    if (kind?.isFile() === true) files.add(resolve(path));
    else
      for await (const file of glob(isFolder ? '**/*' : path, { cwd }))
        if (SOURCE.test(file) && !NO_WORKER.test(file)) files.add(resolve(cwd, file));
    if (files.size === before && kind === null)
      throw new WorkersNotLoadedError(
        `no file of workers is at ${path}: name the folder in tasks.folder, or in --workers or files`,
      );
  }
  return new Set([...files].sort());
}

async function exportsOf(file: string): Promise<unknown[]> {
  const loaded: unknown = await import(pathToFileURL(file).href);
  if (typeof loaded !== 'object' || loaded === null) return [];
  const values: unknown[] = Object.values(loaded);
  return [...new Set(values)];
}

/** A class that its file exports beside the worker it has made of it is not made once more. */
function workersIn(exported: readonly unknown[]): Worker[] {
  const made = exported.flatMap((value) =>
    isWorker(value) ? [value] : isTaskInstance(value) ? [fromClass(value)] : [],
  );
  const known = made.map(classOf);
  const classes = exported.filter(isTaskClass).filter((each) => !known.includes(each));
  return [...made, ...classes.map((Class) => fromClass(new Class()))];
}

export function duplicates(found: readonly Found[]): string[] {
  const byName = Map.groupBy(found, ({ worker }) => worker.name);
  return [...byName].flatMap(([name, all]) =>
    all.length === 1
      ? []
      : [
          `${all.length} workers have the name ${name}: ${all.map(({ file }) => shown(file)).join(' and ')}; rename one`,
        ],
  );
}
