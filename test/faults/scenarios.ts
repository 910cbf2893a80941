/** All fault scenarios, by area. */
import { crashes } from './crashes.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [...crashes];
