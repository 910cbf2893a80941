// Writes resolved settings the way a person would write them in the file.
import ms from 'ms';
import { z } from 'zod';
import { ENVIRONMENT_ONLY } from './environment.ts';
import { configSchema } from './schema.ts';
import { sizeText } from './values.ts';

/** A resolved value as a person reads it: `20ms` and `512KiB` rather than the bare numbers. */
export function valueText(value: unknown, unit: string | undefined): string {
  if (typeof value === 'number' && unit === 'ms') return durationText(value);
  if (typeof value === 'number' && unit === 'bytes') return sizeText(value);
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Writes milliseconds the way `duration` reads them, exactly. */
export function durationText(milliseconds: number): string {
  const units = ['d', 'h', 'm', 's'] as const;
  const unit = units.find((each) => milliseconds % ms(`1${each}`) === 0);
  return unit === undefined || milliseconds === 0
    ? `${milliseconds}ms`
    : `${milliseconds / ms(`1${unit}`)}${unit}`;
}

/** The unit of a setting: `ms`, `bytes`, or undefined where it has none (or there is no such setting). */
export function unitOf(path: string): string | undefined {
  const unit = z.globalRegistry.get(schemaAt(path.split('.')))?.['unit'];
  return typeof unit === 'string' ? unit : undefined;
}

/** What a fault says is expected there: the kind of value, and its range. */
export function expectedAt(path: string): string {
  const { error } = z.safeParse(schemaAt(path.split('.')), Symbol('no value'));
  return error?.issues[0]?.message ?? 'any value';
}

const ADDRESSES_AND_SECRETS: ReadonlySet<string> = new Set(Object.values(ENVIRONMENT_ONLY));

/** What is sent may be a key, a path of the legacy system may have one in it, and somebody may put one where its file is to be named. */
const PATH_OR_FILE = /(?:^|\.)(?:path|\w+File)$|^legacy\.(?:headers|query)\./;

/** The rule for all settings: whether a fault may repeat what is written there. A section is no setting. */
export function isOpenSetting(path: readonly PropertyKey[]): boolean {
  const name = path.map(String).join('.');
  const schema = schemaAt(path);
  const isSection = schema instanceof z.core.$ZodObject || schema instanceof z.ZodRecord;
  const isKnown = !(schema instanceof z.ZodUnknown);
  return isKnown && !isSection && !ADDRESSES_AND_SECRETS.has(name) && !PATH_OR_FILE.test(name);
}

function schemaAt(path: readonly PropertyKey[]): z.core.$ZodType {
  let schema: z.core.$ZodType = bare(configSchema);
  for (const key of path) {
    if (schema instanceof z.core.$ZodObject) schema = bare(shapeOf(schema)[String(key)]);
    else if (schema instanceof z.ZodRecord) schema = bare(schema.valueType);
    else if (schema instanceof z.ZodArray) schema = bare(schema.element);
    else return z.unknown();
  }
  return schema;
}

// The schema of a setting without what wraps it: its default, "may be null", "is frozen".
function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType {
  const wrapped =
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly;
  return wrapped ? bare(schema.unwrap()) : (schema ?? z.unknown());
}

function shapeOf(schema: z.core.$ZodObject): Readonly<Record<string, z.core.$ZodType | undefined>> {
  return schema._zod.def.shape;
}
