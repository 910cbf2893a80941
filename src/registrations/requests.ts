/** What requests to the legacy system have with them. */
import type { Config } from '../config/schema.ts';
import { jsonWith } from '../domain/json-text.ts';

/** Null: it has none. Undefined: the id cannot stand there. */
export const bodyWith = (template: string | null, id: string): string | null | undefined =>
  template === null ? null : (jsonWith(template, id) ?? undefined);

type Described = Pick<Config['legacy'], 'sentHeaders' | 'sentQuery'>;

/** What every request has with it; what is about a body only where there is one. */
export function headersOf({ sentHeaders }: Described) {
  const always: Record<string, string> = { accept: 'application/json' };
  const withBody: Record<string, string> = { 'content-type': 'application/json' };
  for (const [name, { text }] of sentHeaders)
    (/^content-/i.test(name) ? withBody : always)[name.toLowerCase()] = text;
  return { always, withBody };
}

/** What a Location has of it already stays as it is there. */
export function withQuery(path: string, { sentQuery }: Described): string {
  const [, query = ''] = path.split('?');
  const there = new URLSearchParams(query);
  const added = new URLSearchParams();
  for (const [name, { text }] of sentQuery) if (!there.has(name)) added.append(name, text);
  const more = added.toString();
  return more === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${more}`;
}
