/**
 * What the status of an answer to the POST says about the registration. Decided per status by this table, which the
 * configuration can override (`legacy.submitStatuses`); read in one function, `src/legacy.ts`.
 *
 * - `accepted`: filed, if the body brings a request id; without one it is `unknown`
 * - `refused`: not filed, and never will be with this body
 * - `not-accepted`: not filed, try again
 * - `unknown`: perhaps filed: in doubt (RFC 9110 §9.2.2: a POST is not repeated unless known not to have been applied)
 * - `misconfigured`: somebody else answered: nothing was filed, and the configuration must be mended
 */
export type SubmitClass = 'accepted' | 'refused' | 'not-accepted' | 'unknown' | 'misconfigured';

const DEFAULTS: Readonly<Record<string, SubmitClass>> = {
  '2xx': 'accepted',
  '3xx': 'misconfigured',
  '4xx': 'refused',
  '408': 'unknown',
  '429': 'not-accepted',
  '5xx': 'unknown',
  '503': 'not-accepted',
};

/** The class of a status: an exact override, an override of its hundred, the exact default, the default of its hundred. */
export function submitClass(
  status: number,
  overrides: Readonly<Record<string, SubmitClass>>,
): SubmitClass {
  const exact = String(status);
  const hundred = `${exact[0]}xx`;
  return (
    overrides[exact] ?? overrides[hundred] ?? DEFAULTS[exact] ?? DEFAULTS[hundred] ?? 'unknown'
  );
}

const LONGEST_RETRY_AFTER_MS = 5 * 60_000;
/** RFC 9110 §5.6.7: each form of an HTTP date begins with the name of a day. Date.parse takes "-5" for a date, too. */
const HTTP_DATE = /^[a-z]{3,9},? .*\d\d:\d\d:\d\d/i;

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3: seconds or an HTTP date), or null when it is
 * absent or unreadable. Clamped to 0 … 5 minutes: a wrong header must not stop a registration for a year.
 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const isSeconds = /^\d+$/.test(text);
  if (!isSeconds && !HTTP_DATE.test(text)) return null;
  const asked = isSeconds ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(asked)) return null;
  return Math.min(Math.max(asked, 0), LONGEST_RETRY_AFTER_MS);
}
