/** One route of the table, answered: who may, what is asked for, and what is answered, by the schemas. */
import { z } from 'zod';
import type { Made } from './kinds.ts';
import { parsed, Problem } from './problem.ts';
import { begun } from './schemas.ts';
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

/** What a route does, and how what it takes and answers looks: by this it is checked, and described (openapi.ts). */
export interface Answering {
  run: (asked: Asked) => Promise<Answer>;
  status: Answer['status'];
  query: z.ZodObject | null;
  request: z.ZodType | null;
  answer: z.ZodType;
}

/** What goes on after the answer. */
export interface Begun {
  id: string;
}

const GET = { status: 200, query: null, request: null } as const;

export const getting = <A extends z.ZodType>(
  answer: A,
  work: (asked: Asked) => Promise<Made<A>> | Made<A>,
): Answering => ({
  ...{ ...GET, answer },
  run: async (asked) => ({ status: 200, body: z.encode(answer, await work(asked)) }),
});

export const finding = <Q extends z.ZodObject, A extends z.ZodType>(
  query: Q,
  answer: A,
  work: (query: Made<Q>, asked: Asked) => Promise<Made<A>>,
): Answering => ({
  ...getting(answer, (asked) => work(parsed(query, asked.query), asked)),
  query,
});

/** @param body as it is sent */
export const showing = (answer: z.ZodType, body: () => Promise<unknown>): Answering => ({
  ...{ ...GET, answer },
  run: async () => ({ status: 200, body: await body() }),
});

export const doing = <R extends z.ZodType, A extends z.ZodType>(
  request: R,
  answer: A,
  work: (body: Made<R>, asked: Asked) => Promise<Made<A>>,
): Answering => ({
  ...getting(answer, (asked) => work(parsed(request, asked.body), asked)),
  request,
});

export const beginning = <R extends z.ZodType>(
  request: R,
  place: string,
  work: (body: Made<R>, asked: Asked) => Promise<Begun>,
): Answering => ({
  ...{ status: 202, query: null, request, answer: begun },
  async run(asked) {
    const { id } = await work(parsed(request, asked.body), asked);
    return { status: 202, body: { id }, location: `${place}/${encodeURIComponent(id)}` };
  },
});

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
