/** What a fault scenario is: one fault, tried on a whole system of its own, and what must be found when it is over. */
import type { Failpoint } from '../../src/runtime/failpoint.ts';
import type { Scope } from '../helpers/system.ts';
import type { SuiteOptions } from './suite-options.ts';

/** What a scenario is given. Its `after` hooks run when it has ended, the last one first. */
export interface World extends Scope {
  /** Everything random of this scenario comes from here, so that a seed repeats it. 0 ≤ x < 1. */
  random(): number;
  seed: number;
  /** In the short cut: fewer registrations, the same fault. */
  isQuick: boolean;
  options: SuiteOptions;
  /** One line of progress, for who watches. */
  tell(line: string): void;
}

/** What was found when everything had come to rest; a row of docs/proof/faults.md. */
export interface Trial {
  /** How often the fault struck; once where it is left out. */
  times?: number;
  registrations: number;
  lost: number;
  filedTwice: number;
  settledTwice: number;
  /** Of tasks alone: attempts that have begun more than once. */
  runAgain?: number;
  /** What a person must decide on: at most what was on the wire. */
  inDoubt: number;
  /** From the end of the fault until the last one was settled or in doubt; null where nothing had to recover. */
  recoverySeconds: number | null;
  /** What else was measured, for the reader. */
  note?: string;
}

/** Where the machine does not let it be tried. */
export const NOT_TRIED: Trial = {
  times: 0,
  registrations: 0,
  lost: 0,
  filedTwice: 0,
  settledTwice: 0,
  inDoubt: 0,
  recoverySeconds: null,
};

export interface Scenario {
  /** `<area>/<fault>`, unique: `crash/worker-after-claim`. */
  name: string;
  /** What happens, as a sentence that a reader of docs/proof/faults.md understands. */
  fault: string;
  /** Whether `npm test` has it, too. */
  isQuick: boolean;
  /** Whether it starts and kills servers of its own, and wants the machine for itself. */
  runsAlone?: true;
  /** Whether it runs only when it is asked for by name. */
  isOnDemand?: true;
  /** @throws AssertionError when an invariant does not hold */
  run(world: World): Promise<Trial>;
}

/** Where a process dies between two of its effects. */
export interface Crash {
  at: Failpoint;
  /** Which passage is deadly, so that it happens in mid-work. */
  passage: number;
  fault: string;
  isQuick?: true;
}
