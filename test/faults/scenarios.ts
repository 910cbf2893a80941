/** All fault scenarios, by area. */
import { duplicates } from './duplicates.ts';
import { legacyMisconduct } from './legacy.ts';
import { poison } from './poison.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [...legacyMisconduct, ...poison, ...duplicates];
