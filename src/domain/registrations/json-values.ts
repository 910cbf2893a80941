/** Values in a JSON document. */
import { stepsOf } from '../json-text.ts';

export function valueAtPointer(document: unknown, pointer: string): unknown {
  return stepsOf(pointer).reduce<unknown>((value, name) => {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(name) ? value[Number(name)] : undefined;
    return Object.entries(value).find(([key]) => key === name)?.[1];
  }, document);
}

/** Text, or a whole number as text; undefined for anything else, and for a number that JavaScript may have rounded. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : undefined;
}
