/** What a value somewhere in an answer means, by the words of the contract. */
import { valueAtPointer } from './json-values.ts';

/** As JSON has them. `null` stands for a value that is absent, too. */
export type Word = string | number | boolean | null;

export interface Words<M extends string> {
  /** JSON pointer (RFC 6901) to the value. */
  state: string;
  words: Readonly<Partial<Record<M, readonly Word[]>>>;
  ignoreCase: boolean;
  /** What a value means that is there and is none of the words; null: nothing. */
  otherwise: M | null;
}

/** One word, as it is compared. */
export const wordKey = (word: unknown, ignoreCase: boolean): string =>
  JSON.stringify(typeof word === 'string' && ignoreCase ? word.toLowerCase() : word);

/** `because` repeats no value of the answer: it may be about people. */
export function meaningIn<M extends string>(
  body: unknown,
  { state, words, ignoreCase, otherwise }: Words<M>,
  setting: string,
): { meaning: M | null; because: string } {
  if (typeof body !== 'object' || body === null)
    return { meaning: null, because: 'no JSON to read' };
  const value = valueAtPointer(body, state) ?? null;
  const said = typeof value === 'bigint' ? String(value) : wordKey(value, ignoreCase);
  for (const meaning in words) {
    if (words[meaning]?.some((word) => wordKey(word, ignoreCase) === said))
      return {
        meaning,
        because: `the value at "${state}" is a word of ${setting}.words.${meaning}`,
      };
  }
  if (value === null) return { meaning: null, because: `nothing at "${state}" in the answer` };
  const meaning = otherwise;
  const because = `the value at "${state}" is not in ${setting}.words`;
  return meaning === null
    ? { meaning, because }
    : { meaning, because: `${because}, and ${setting}.otherwise is ${meaning}` };
}
