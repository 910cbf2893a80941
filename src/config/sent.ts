// What every request to the legacy system has with it, `legacy.headers` and `legacy.query`: as it is written, or from a variable
// of the environment where it is secret.
import { z } from 'zod';
import type { Fault } from './faults.ts';
import type { Environment } from './tree.ts';

type Kind = 'headers' | 'query';

/** Framing, and what has a setting or a meaning of its own. */
const OURS =
  /^(host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|content-encoding|idempotency-key|authorization|proxy-.*)$/i;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]{1,100}$/;
const VALUE = /^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]{0,4000}[\x21-\x7e\x80-\xff])?$/;
/** As far as a name tells. */
const SECRET = /key|token|secret|password|pwd|auth|cookie|session|signature|credential/i;

const NAME = {
  headers:
    'the name of a header as the key, other than those that we write ourselves (Authorization stands in LEGACY_AUTHORIZATION)',
  query: 'the name of a parameter as the key (1 to 100 characters)',
};
const EXPECTED = 'text in one line, or { env: NAME } for what a variable of the environment holds';

const variable = z
  .strictObject({
    env: z
      .string(EXPECTED)
      .regex(/^[A-Za-z_]\w{0,99}$/, 'the name of a variable, such as LEGACY_API_KEY'),
  })
  .readonly();

export function sent(kind: Kind) {
  const isName = (name: string): boolean =>
    kind === 'headers' ? TOKEN.test(name) && !OURS.test(name) : /^[^\p{Cc}]{1,100}$/u.test(name);
  const value = z.union([z.string().regex(VALUE), variable], EXPECTED);
  return z
    .record(z.string().refine(isName, NAME[kind]), value, 'a mapping of names to values')
    .superRefine((all, context) => {
      for (const [name, each] of Object.entries(all)) {
        if (typeof each !== 'string' || !SECRET.test(name)) continue;
        const message = '{ env: NAME }, since it may be secret, and stays out of files';
        context.addIssue({ code: 'custom', message, path: [name] });
      }
    })
    .readonly();
}

type Written = Readonly<z.output<ReturnType<typeof sent>>>;

/** With the secrets in it. A Map, so that it is printed nowhere as a setting. */
export type Sent = ReadonlyMap<string, { text: string; isSecret: boolean }>;

export const resolved = (written: Written, env: Environment): Sent =>
  new Map(
    Object.entries(written).map(([name, value]) => [
      name,
      typeof value === 'string'
        ? { text: value, isSecret: false }
        : { text: env[value.env] ?? '', isSecret: true },
    ]),
  );

/** Variables that are named and not there, or that no header can hold. */
export function missingVariables(
  legacy: Readonly<Record<Kind, Written>>,
  env: Environment,
  place: (path: string) => string,
): Fault[] {
  return (['headers', 'query'] as const).flatMap((kind) =>
    Object.entries(legacy[kind]).flatMap(([name, value]): Fault[] => {
      if (typeof value === 'string' || VALUE.test(env[value.env] ?? '')) return [];
      const path = `legacy.${kind}.${name}`;
      const got = (env[value.env] ?? '') === '' ? 'none' : 'a value that has other characters';
      const expected = `a value in one line in the environment variable ${value.env}`;
      return [{ where: place(path), path, expected, got }];
    }),
  );
}
