/** Requests to the page's server. */
import { ROUTES, type RouteName } from '../../src/page/routes.ts';
import type { Problem } from './types.ts';

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

/** Answers of the server are believed: it and the page are built from one commit. */
export const isSent = <T>(value: unknown): value is T =>
  typeof value === 'object' && value !== null;

/** Texts of others can be of any length; longer than a message that is revealed is none that anybody reads. */
const LONGEST = 70_000;

export const parse = (text: string, longest = LONGEST): unknown =>
  JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' && value.length > longest ? `${value.slice(0, longest)}…` : value,
  );

const TOKEN = 'despachante.session';
let token: string | null = null;
try {
  token = sessionStorage.getItem(TOKEN);
} catch {
  // Without storage it is asked for again after a reload.
}

export const hasToken = (): boolean => token !== null;

/** Never in a cookie: those are sent to every program on this address, whatever its port. */
export function keepToken(fresh: string | null): void {
  token = fresh;
  try {
    if (fresh === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, fresh);
  } catch {
    // As above.
  }
}

export const authorization = (): Record<string, string> =>
  token === null ? {} : { authorization: `Bearer ${token}` };

/** @param id for the varying part of the path */
export function addressOf(
  name: RouteName,
  id?: string,
  query?: Record<string, string | null>,
): URL {
  const path = ROUTES[name].path.replace(':id', encodeURIComponent(id ?? ''));
  const url = new URL(path.slice(1), new URL('.', document.baseURI));
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== null) url.searchParams.set(key, value);
  return url;
}

export const get = <T>(
  name: RouteName,
  {
    id,
    query,
    signal,
  }: { id?: string; query?: Record<string, string | null>; signal?: AbortSignal } = {},
): Promise<Answer<T>> =>
  ask<T>(addressOf(name, id, query), { headers: authorization(), ...(signal ? { signal } : {}) });

/** @param key of one intention: sent twice under one key it is done once; ifMatch: without its quotes */
export const post = <T>(
  name: RouteName,
  body: object,
  { key = newKey(), ifMatch }: { key?: string; ifMatch?: string | undefined } = {},
): Promise<Answer<T>> =>
  ask<T>(addressOf(name), {
    method: 'POST',
    headers: {
      ...authorization(),
      'content-type': 'application/json',
      'idempotency-key': key,
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    },
    body: JSON.stringify(body),
  });

/** `crypto.randomUUID` is not there on a page that came over plain HTTP. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');

async function ask<T>(url: URL, init: RequestInit): Promise<Answer<T>> {
  try {
    const answer = await fetch(url, { ...init, cache: 'no-store', credentials: 'same-origin' });
    const type = answer.headers.get('content-type') ?? '';
    if (!/\bjson\b/.test(type)) return failed(answer.status, answer.statusText);
    const body = parse(await answer.text());
    if (answer.ok && isSent<T>(body)) return { ok: true, value: body };
    return !answer.ok && isSent<Problem>(body)
      ? { ok: false, problem: body }
      : failed(answer.status, answer.statusText);
  } catch (error) {
    return failed(0, error instanceof Error ? error.message : String(error));
  }
}

/** `status` 0: nobody answered. */
const failed = (status: number, detail: string): { ok: false; problem: Problem } => ({
  ok: false,
  problem: { type: '', title: '', status, detail, instance: '' },
});
