// Turns what the schema finds into faults that say where the value stands and what was probably meant.
import type { z } from 'zod';
import { didYouMean, sameName } from '../domain/nearest-name.ts';
import { ENVIRONMENT_ONLY, SECRETS, variable } from './environment.ts';
import { shown, shownKey, shownAddress, withHint, type Fault } from './faults.ts';
import type { ConfigFile } from './file.ts';
import { replacementOf } from './removed.ts';
import { STANDARD } from './schema.ts';
import { leaves, valueAt } from './tree.ts';
import { isOpenSetting, unitOf, valueText } from './units.ts';

export interface Origin {
  /** What the schema was given. */
  readonly input: unknown;
  readonly file: ConfigFile;
  /** What of it the environment says, by path. */
  readonly environment: ReadonlyMap<string, unknown>;
}

type Path = readonly PropertyKey[];

const fromEnvironment = new Set(Object.values(ENVIRONMENT_ONLY));
const settings = leaves(STANDARD).map(([path]) => path);

export function faultsOf(issues: readonly z.core.$ZodIssue[], origin: Origin): Fault[] {
  const faults = issues.flatMap((issue) => {
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => unknownKey(issue.path, key, origin));
      case 'invalid_key':
        return [invalidKey(issue.path, issue.issues[0]?.message ?? issue.message, origin)];
      default:
        return [invalidValue(issue, origin)];
    }
  });
  // Several checks of one value say the same.
  const different = new Map(
    faults.map((fault) => [`${fault.where} ${fault.path} ${fault.expected}`, fault]),
  );
  return [...different.values()];
}

function unknownKey(parent: Path, key: string, origin: Origin): Fault {
  const path = [...parent, key];
  const known = Object.keys(valueAt(STANDARD, parent) ?? {}).filter(
    (each) => !fromEnvironment.has(pathText([...parent, each])),
  );
  const elsewhere = settings.find((each) => each.endsWith(`.${key}`) && !fromEnvironment.has(each));
  const fault = {
    where: place(path, 'key', origin),
    path: shownPath(path, origin),
    expected: `one of the keys ${known.join(', ')}`,
    got: 'a key that is not known',
  };
  const removed = replacementOf(pathText(path));
  return withHint(fault, removed ?? didYouMean(sameName(key, known) ?? elsewhere));
}

function invalidKey(path: Path, expected: string, origin: Origin): Fault {
  const got = isBare(path, origin) ? shownKey('') : shownKey(String(path.at(-1)));
  return { where: place(path, 'key', origin), path: shownPath(path, origin), expected, got };
}

function invalidValue(issue: z.core.$ZodIssue, origin: Origin): Fault {
  const path = pathText(issue.path);
  const isSection = issue.code === 'invalid_type' && issue.expected === 'object';
  const isElsewhere = fromEnvironment.has(path) && !origin.environment.has(path);
  const fault = {
    where: place(issue.path, 'value', origin, involved(issue)),
    path: shownPath(issue.path, origin),
    expected: isSection ? 'a mapping of settings' : issue.message,
    got: got(issue.path, origin),
  };
  return withHint(fault, isElsewhere ? `set ${variable(path)} in the environment` : undefined);
}

function got(path: Path, origin: Origin): string {
  const value = valueAt(origin.input, path);
  const name = pathText(path);
  if (value === undefined) {
    const standard = valueAt(STANDARD, path) ?? null;
    return standard === null ? 'nothing' : `${valueText(standard, unitOf(name))}, its default`;
  }
  if (SECRETS.has(name)) return 'text that is not shown, since it is secret';
  return fromEnvironment.has(name) ? shownAddress(value) : shown(value, isOpenSetting(path));
}

// A check over two settings may fail on the one that has its default: then the fault stands where the other was set.
function involved(issue: z.core.$ZodIssue): Path[] {
  const others: unknown = issue.code === 'custom' ? issue.params?.['involves'] : undefined;
  return Array.isArray(others) ? others.map((path) => String(path).split('.')) : [];
}

function place(path: Path, part: 'key' | 'value', origin: Origin, others: Path[] = []): string {
  for (const each of [path, ...others, path.slice(0, -1)]) {
    const name = pathText(each);
    const where = origin.environment.has(name)
      ? `environment ${variable(name)}`
      : origin.file.place(each, part);
    if (where !== null) return where;
  }
  return 'defaults';
}

/** `{hunter2}` is YAML for a key without a value: such a key, of no setting of ours, may be a secret that was meant as the value. */
const isBare = (path: Path, { input }: Origin): boolean =>
  valueAt(input, path) === null && valueAt(STANDARD, path) === undefined;

const shownPath = (path: Path, origin: Origin): string =>
  pathText(isBare(path, origin) ? [...path.slice(0, -1), ''] : path);

const pathText = (path: Path): string => path.map(shownKey).join('.');
