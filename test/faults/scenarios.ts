/** All fault scenarios, by area. */
import { broker } from './broker.ts';
import { crashes } from './crashes.ts';
import { duplicates } from './duplicates.ts';
import { legacyMisconduct } from './legacy.ts';
import { lostAnswers } from './lost-answers.ts';
import { network } from './network.ts';
import { pauses } from './pauses.ts';
import { poison } from './poison.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [
  ...crashes,
  ...lostAnswers,
  ...pauses,
  ...broker,
  ...network,
  ...legacyMisconduct,
  ...poison,
  ...duplicates,
];
