/** All fault scenarios, by area. */
import { crashes } from './crashes.ts';
import { deploys } from './deploys.ts';
import { lostAnswers } from './lost-answers.ts';
import { operators } from './operators.ts';
import { pauses } from './pauses.ts';
import { soaks } from './soaks.ts';
import { storms } from './storms.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [
  ...crashes,
  ...lostAnswers,
  ...pauses,
  ...operators,
  ...deploys,
  ...storms,
  ...soaks,
];
