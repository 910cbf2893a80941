/** The browser's part, as it was built: a few files, held in memory. No path of a request is ever joined to one of the disk. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../page/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** By the path that asks for them. Empty where it was not built. */
export function readFiles(folder = FOLDER): ReadonlyMap<string, { type: string; body: Buffer }> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const type = TYPES[extname(name)];
    if (type === undefined) return [];
    const path = `/${name.replaceAll('\\', '/')}`;
    const file = { type, body: readFileSync(join(folder, name)) };
    return [[path === '/index.html' ? '/' : path, file] as const];
  });
  return new Map(files);
}
