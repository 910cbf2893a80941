import { why } from '../doctor/diagnosis.ts';

/** A part of an answer that may be missing: in an outage the rest is what one looks for. */
export type Part<T> = { ok: true; value: T } | { ok: false; error: string };

export const part = <T>(work: Promise<T>): Promise<Part<T>> =>
  work.then(
    (value): Part<T> => ({ ok: true, value }),
    (error: unknown): Part<T> => ({ ok: false, error: why(error) }),
  );
