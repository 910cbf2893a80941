/** The input of a run of registrations, its answer to queries, and the argument of its updates. */
import type { Run } from '../run.ts';
import type { Item, NewRegistration } from './item.ts';
import type { Rules } from './rules.ts';

export interface RunInput {
  rules: Rules;
  /** The registrations of a new run … */
  registrations: NewRegistration[];
  /** … or what a run that continues as new still has open. */
  carried: Run<Item> | null;
}

export interface RegistrationView {
  id: string;
  state: Item['phase'];
  requestId: string | null;
  acceptedAt: string | null;
  polls: number;
  nextStepAt: string | null;
  outcome: string | null;
}

export interface RunView {
  open: RegistrationView[];
  settled: Run<Item>['settled'];
}

export interface Resolution {
  /** The registration id, as the run shows it. */
  id: string;
  operator: string;
  reason: string;
  /** For `confirm`: the id the legacy system gave it. */
  requestId?: string;
}
