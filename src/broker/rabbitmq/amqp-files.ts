/** Files of amqplib's own, which we wrap where it offers nothing. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** @throws Error where the file is not as we know it: amqplib was changed */
export function amqpFile<T extends object>(name: string, isKnown: (file: unknown) => file is T): T {
  const require = createRequire(import.meta.url);
  const file: unknown = require(join(dirname(require.resolve('amqplib')), 'lib', name));
  if (!isKnown(file)) throw new Error(`This amqplib has no lib/${name} as we know it`);
  return file;
}

/** @param kinds by the names of its properties, as `typeof` has them */
export const has = (value: unknown, kinds: Readonly<Record<string, string>>): value is object =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(kinds).every(([name, kind]) => typeof Reflect.get(value, name) === kind);
