/** The variables of the example program, under their names and with their defaults. A name that is nearly one of them is refused. Pure. */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';

export interface EtlSettings {
  /** Null where nobody has said. */
  input: string | null;
  /** The header of that name of each request; null: none. */
  authorization: string | null;
  /** The same where resources are sent to. */
  sendAuthorization: string | null;
  workers: number;
  /** s */
  processingTime: number;
  delayTime: number;
  /** percent */
  failureRate: number;
  maxAttempts: number;
}

interface Bounds {
  preset: number;
  least: number;
  most: number;
  isWhole: boolean;
  unit: string;
}

const NUMBERS = {
  WORKERS: { preset: 10, least: 1, most: 1_000, isWhole: true, unit: '' },
  PROCESSING_TIME: { preset: 5, least: 0, most: 86_400, isWhole: false, unit: ' of seconds' },
  DELAY_TIME: { preset: 5, least: 0, most: 86_400, isWhole: false, unit: ' of seconds' },
  FAILURE_RATE: { preset: 25, least: 0, most: 100, isWhole: false, unit: ' in percent' },
  MAX_ATTEMPTS: { preset: 3, least: 1, most: 1_000, isWhole: true, unit: '' },
} as const satisfies Record<string, Bounds>;

const NAMES = [...Object.keys(NUMBERS), 'INPUT', 'INPUT_AUTHORIZATION', 'SEND_AUTHORIZATION'];
/** Of other programs, and near to ours. */
const OTHERS = ['INPUTRC'];

type Environment = Readonly<Record<string, string | undefined>>;

/** All faults at once. */
export function readEtlSettings(env: Environment): { settings: EtlSettings; faults: string[] } {
  const faults = lookAlikes(env);
  const read = (name: keyof typeof NUMBERS): number => {
    const { preset, least, most, isWhole, unit }: Bounds = NUMBERS[name];
    const text = env[name]?.trim() ?? '';
    if (text === '') return preset;
    const value = Number(text.replace(/%$/, name === 'FAILURE_RATE' ? '' : '%'));
    const isFit = /^[\d.]/.test(text) && value >= least && value <= most;
    if (isFit && (!isWhole || Number.isInteger(value))) return value;
    const kind = isWhole ? 'a whole number' : 'a number';
    faults.push(
      `${name}: expected ${kind}${unit} from ${least} to ${most}, got ${JSON.stringify(text.slice(0, 40))}`,
    );
    return preset;
  };
  const settings = {
    input: env['INPUT'] || null,
    authorization: env['INPUT_AUTHORIZATION'] || null,
    sendAuthorization: env['SEND_AUTHORIZATION'] || null,
    workers: read('WORKERS'),
    processingTime: read('PROCESSING_TIME'),
    delayTime: read('DELAY_TIME'),
    failureRate: read('FAILURE_RATE'),
    maxAttempts: read('MAX_ATTEMPTS'),
  };
  return { settings, faults };
}

/** They would do nothing, and nobody would notice. Those with a word before ours are somebody else's. */
function lookAlikes(env: Environment): string[] {
  return Object.keys(env).flatMap((name) => {
    if (NAMES.includes(name) || OTHERS.includes(name)) return [];
    const meant = nearestName(name, NAMES);
    if (meant === undefined || name.endsWith(`_${meant}`)) return [];
    return [`${name}: there is no such setting, ${didYouMean(meant) ?? ''}?`.replace('??', '?')];
  });
}
