/** One route of the table, answered: who may, what is asked for, and what is answered, by the schemas. */
import { z } from 'zod';
import type { Made } from './kinds.ts';
import { parsed, Problem } from './problem.ts';
import type { Who } from './sessions.ts';

export interface Asked {
  who: Who;
  /** Of the path. */
  param: (name: string) => string;
  query: Readonly<Record<string, string>>;
  body: unknown;
  /** If-Match, without its quotes. */
  version: string | null;
}

export interface Answer {
  status: 200 | 202;
  body: unknown;
  location?: string;
}

export type Answering = (asked: Asked) => Promise<Answer>;

/** What goes on after the answer. */
export interface Begun {
  id: string;
}

export const getting =
  <A extends z.ZodType>(answer: A, work: (asked: Asked) => Promise<Made<A>> | Made<A>): Answering =>
  async (asked) => ({ status: 200, body: z.encode(answer, await work(asked)) });

export const doing =
  <R extends z.ZodType, A extends z.ZodType>(
    request: R,
    answer: A,
    work: (body: Made<R>, asked: Asked) => Promise<Made<A>>,
  ): Answering =>
  async (asked) => ({
    status: 200,
    body: z.encode(answer, await work(parsed(request, asked.body), asked)),
  });

export const beginning =
  <R extends z.ZodType>(
    request: R,
    place: string,
    work: (body: Made<R>, asked: Asked) => Promise<Begun>,
  ): Answering =>
  async (asked) => {
    const { id } = await work(parsed(request, asked.body), asked);
    return { status: 202, body: { id }, location: `${place}/${encodeURIComponent(id)}` };
  };

const KEPT_MS = 10 * 60_000;
const MOST_KEPT = 1_000;
const KEY = /^[\x21-\x7e]{8,200}$/;

/** A request that comes a second time under its key is answered as it was, and does nothing. */
export function createRepeats(now = () => performance.now()) {
  const kept = new Map<string, { at: number; request: string; answer: Promise<Answer> }>();
  return {
    /** @throws Problem where there is no key, or where it was used for something else */
    once(key: string | undefined, who: string, request: string, work: () => Promise<Answer>) {
      if (key === undefined || !KEY.test(key))
        throw new Problem(400, 'Send an Idempotency-Key of 8 to 200 characters, such as a UUID');
      for (const [each, { at }] of kept)
        if (at < now() - KEPT_MS || kept.size >= MOST_KEPT) kept.delete(each);
        else break;
      const name = JSON.stringify([who, key]);
      const known = kept.get(name);
      if (known !== undefined && known.request !== request)
        throw new Problem(422, 'This Idempotency-Key was used for another request: take a new one');
      if (known !== undefined) return known.answer;
      const answer = work();
      kept.set(name, { at: now(), request, answer });
      // What has failed may be tried again.
      answer.catch(() => kept.delete(name));
      return answer;
    },
  };
}
