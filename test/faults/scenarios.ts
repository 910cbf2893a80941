/** All fault scenarios, by area. */
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [];
