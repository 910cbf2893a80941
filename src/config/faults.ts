// How a fault of the configuration is told: where it is, what was expected, what was found there.

export interface Fault {
  /** `despachante.yaml:12:5` or `environment AMQP_URL`. */
  readonly where: string;
  /** The setting, such as `intake.batchSize`; empty when the fault belongs to none. */
  readonly path: string;
  readonly expected: string;
  /** What was found, with secrets masked. */
  readonly got: string;
  readonly hint?: string;
}

/** Thrown with every fault at once; `message` has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const sorted = faults.toSorted((a, b) =>
      a.where.localeCompare(b.where, 'en', { numeric: true }),
    );
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super([`the configuration has ${count}:`, ...sorted.map(lineOf)].join('\n'));
    this.faults = sorted;
  }
}

export function lineOf(fault: Fault): string {
  const path = fault.path === '' ? '' : `  ${fault.path}`;
  const hint = fault.hint === undefined ? '' : ` (${fault.hint})`;
  return `${fault.where}${path}: expected ${fault.expected}, got ${fault.got}${hint}`;
}

/** An address may have a password in it, however short it is. */
const ADDRESS = /:\/\/|@/;
/** What a secret of ours is too long for, or would not be written like: few characters, words, a pattern. */
const HARMLESS =
  /^(?:[^\p{C}]{0,15}|[A-Za-z][a-z]*(?:[-_. ][A-Za-z]?[a-z]+|[A-Z][a-z]+){0,5}|\^[^\p{C}]*)$/u;
const isHarmless = (text: string): boolean =>
  text.length <= 40 && !ADDRESS.test(text) && HARMLESS.test(text);

/**
 * A value as a fault shows it. Somebody may have put a secret into the wrong place, so only what is in a setting that is meant
 * for none (`isOpenSetting`) is repeated, and only when it does not look like one.
 */
export function shown(value: unknown, isOpen: boolean): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return isOpen ? String(value) : 'a number';
  if (typeof value === 'string') {
    return isOpen && isHarmless(value)
      ? JSON.stringify(value)
      : `${unshown(value)}, since it may be secret`;
  }
  return Array.isArray(value) ? 'a list' : 'a mapping';
}

const unshown = ({ length }: string): string => `text of ${length} characters that is not shown`;

/** An address as a fault shows it: how it begins. The rest may be a password, whatever is wrong with it. */
export function shownAddress(value: unknown): string {
  const scheme = /^[a-z][a-z0-9+.-]{0,15}:\/\//i.exec(String(value))?.[0];
  return scheme === undefined
    ? shown(value, false)
    : `text of ${String(value).length} characters, ${scheme}…, that is not shown, since it may be secret`;
}

export function shownKey(key: PropertyKey): string {
  const name = String(key);
  return /^[A-Za-z][\w-]{0,29}$|^\w{1,3}$/.test(name) ? name : '(a name that is not shown)';
}

export const withHint = (fault: Fault, hint: string | undefined): Fault =>
  hint === undefined ? fault : { ...fault, hint };
