/** All fault scenarios, by area. */
import { crashes } from './crashes.ts';
import { lostAnswers } from './lost-answers.ts';
import { pauses } from './pauses.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [...crashes, ...lostAnswers, ...pauses];
