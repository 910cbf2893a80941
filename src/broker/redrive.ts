/** What a dead letter that comes again tells of itself, over any broker. */
import { HEADER } from '../domain/names.ts';
import type { RedriveHint } from './source.ts';

export function redriveOf(headers: Readonly<Record<string, unknown>> = {}): RedriveHint {
  const { [HEADER.class]: failureClass, [HEADER.token]: token } = headers;
  if (typeof failureClass !== 'string' || typeof token !== 'string')
    return { failedGeneration: null };
  const generation = Number(headers[HEADER.generation]);
  const isGeneration = Number.isSafeInteger(generation) && generation >= 0;
  return isGeneration ? { failedGeneration: generation, token } : { failedGeneration: null };
}
