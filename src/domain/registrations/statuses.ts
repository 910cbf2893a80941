/**
 * What the status of an answer says: to a POST about the registration, decided by the table below, which the configuration
 * can override (`legacy.submit.statuses`); to any request about how the legacy system is. contract.ts reads the rest of an answer;
 * docs/reference/http-statuses.md has the reason for each line.
 *
 * - `accepted`: filed, if the body brings a request id; without one it is `unknown`
 * - `refused`: not filed, and never will be with this body
 * - `not-accepted`: not filed, try again
 * - `unknown`: perhaps filed: in doubt (RFC 9110 §9.2.2: a POST is not repeated unless known not to have been applied)
 * - `misconfigured`: it speaks of the address or the credentials, and not of the registration: nothing was filed, try again,
 *   and have somebody look at it
 */
export type SubmitClass = 'accepted' | 'refused' | 'not-accepted' | 'unknown' | 'misconfigured';

const DEFAULTS: Readonly<Record<string, SubmitClass>> = {
  '2xx': 'accepted',
  '3xx': 'unknown', // as after a web form: it may have been handled
  '4xx': 'refused',
  '401': 'misconfigured',
  '403': 'misconfigured',
  '404': 'misconfigured',
  '405': 'misconfigured',
  '407': 'misconfigured',
  '408': 'unknown',
  '421': 'misconfigured',
  '425': 'not-accepted',
  '426': 'misconfigured',
  '429': 'not-accepted',
  '5xx': 'unknown',
  '501': 'misconfigured',
  '503': 'not-accepted',
  '511': 'misconfigured',
};

/**
 * What an answer says by itself. `perhaps-refused`: an application that says why it turns this registration away, or whatever
 * answers in its place while it is away: src/registrations/not-founds.ts decides.
 */
export type SubmitMeaning = SubmitClass | 'perhaps-refused';

/** What a GET of a status says: its body (`state`), what `Location` leads to (`result`), or that by itself. */
export type PollMeaning = 'state' | 'processing' | 'done' | 'failed' | 'result' | 'unreadable';
/** What a look-up says: what its body names (`found`), that there is none, or nothing. */
export type LookUpMeaning = 'found' | 'absent' | 'unreadable';

/** By status (`429`) or its hundred (`5xx`). */
export type Statuses<M extends string> = Readonly<Record<string, M>>;

/** `from`: which rule said so, for people. */
interface Meant<M> {
  meaning: M;
  from: string;
}

/** An exact override, an override of its hundred, the exact default, the default of its hundred. */
function meantBy<M extends string>(
  status: number,
  overrides: Statuses<M>,
  defaults: Statuses<M>,
  otherwise: M,
): Meant<M> {
  const exact = String(status);
  for (const [table, origin] of [
    [overrides, 'configured'],
    [defaults, 'the default'],
  ] as const) {
    for (const key of [exact, `${exact[0]}xx`]) {
      const meaning = table[key];
      if (meaning !== undefined) return { meaning, from: `${origin} for ${key}` };
    }
  }
  return { meaning: otherwise, from: 'the default for any other' };
}

/** What the status of an answer to a POST means. Where it has a readable reason, a 404 is `perhaps-refused`. */
export function submitMeant(
  status: number,
  overrides: Statuses<SubmitClass>,
  hasReason: boolean,
): Meant<SubmitMeaning> {
  const defaults = hasReason ? { ...DEFAULTS, '404': 'perhaps-refused' as const } : DEFAULTS;
  return meantBy<SubmitMeaning>(status, overrides, defaults, 'unknown');
}

export const submitClass = (...of: Parameters<typeof submitMeant>): SubmitMeaning =>
  submitMeant(...of).meaning;

export const pollMeant = (status: number, overrides: Statuses<PollMeaning>): Meant<PollMeaning> =>
  meantBy(status, overrides, { '2xx': 'state' }, 'unreadable');

export const lookUpMeant = (
  status: number,
  overrides: Statuses<LookUpMeaning>,
): Meant<LookUpMeaning> =>
  meantBy(status, overrides, { '2xx': 'found', '404': 'absent' }, 'unreadable');

/**
 * Whether a proxy, or an application that is away, answers so, too: to everybody. What such a status is declared to mean must
 * not end anything.
 */
export const mayBeOfAnother = (status: string): boolean =>
  /^([1345]xx|[135]\d\d|4(01|03|04|05|07|08|21|25|26|29))$/.test(status);

/**
 * What an answer says of the legacy system. `nothing`: perhaps only that it does not know this one request.
 * `perhaps-misconfigured`: that, or the refusal of this one registration. `lost`: trouble, and one registration more is in doubt.
 */
export type Heard =
  'well' | 'trouble' | 'lost' | 'misconfigured' | 'perhaps-misconfigured' | 'nothing';

/** Of an answer to a GET. */
export function heardOfGet(status: number, hasJson: boolean): Heard {
  if (status >= 200 && status < 300) return hasJson ? 'well' : 'nothing';
  if (status === 404) return 'nothing';
  const kind = submitClass(status, {}, false);
  return kind === 'refused' ? 'nothing' : kind === 'misconfigured' ? kind : 'trouble';
}

/** What a person is to look at. */
export function remedyFor(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return 'check LEGACY_AUTHORIZATION';
    case 407:
    case 511:
      return 'check the network: a proxy on the way to LEGACY_URL wants us to log in';
    default:
      return 'check LEGACY_URL and the paths of the section legacy, and that the application is up';
  }
}

const LONGEST_REST_MS = 5 * 60_000;
/** As long as legacy.maxOpen can be. */
export const YEAR_MS = 365 * 24 * 3_600_000;
/** RFC 9110 §5.6.7: each form of an HTTP date begins with the name of a day. Date.parse takes "-5" for a date, too. */
const HTTP_DATE = /^[a-z]{3,9},? .*\d\d:\d\d:\d\d/i;

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3: seconds or an HTTP date), or null when it is
 * absent or unreadable.
 * @param longest 5 minutes, so that a wrong header stops nothing for a year; longer for what somebody works on
 */
export function retryAfterMs(
  header: string | undefined,
  now: number,
  longest = LONGEST_REST_MS,
): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const isSeconds = /^\d+$/.test(text);
  if (!isSeconds && !HTTP_DATE.test(text)) return null;
  const asked = isSeconds ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(asked)) return null;
  return Math.min(Math.max(asked, 0), longest);
}
