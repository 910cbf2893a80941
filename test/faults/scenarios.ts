/** All fault scenarios, by area. */
import { broker } from './broker.ts';
import { brokerMemory } from './broker-memory.ts';
import { brokerPoison } from './broker-poison.ts';
import { clocks } from './clocks.ts';
import { crashes } from './crashes.ts';
import { database } from './database.ts';
import { deploys } from './deploys.ts';
import { duplicates } from './duplicates.ts';
import { etlKills } from './etl.ts';
import { fileCrashes } from './files.ts';
import { legacyMisconduct } from './legacy.ts';
import { lostAnswers } from './lost-answers.ts';
import { neighbours } from './neighbours.ts';
import { network } from './network.ts';
import { operators } from './operators.ts';
import { pauses } from './pauses.ts';
import { poison } from './poison.ts';
import { resources } from './resources.ts';
import { soaks } from './soaks.ts';
import { statuses } from './statuses.ts';
import { storms } from './storms.ts';
import { taskCrashes } from './tasks/crashes.ts';
import { taskDeploys } from './tasks/deploys.ts';
import { taskKills } from './tasks/kills.ts';
import { taskPoison } from './tasks/poison.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [
  ...crashes,
  ...lostAnswers,
  ...pauses,
  ...clocks,
  ...broker,
  ...brokerMemory,
  ...brokerPoison,
  ...network,
  ...legacyMisconduct,
  ...statuses,
  ...neighbours,
  ...poison,
  ...duplicates,
  ...database,
  ...resources,
  ...operators,
  ...deploys,
  ...taskCrashes,
  ...taskKills,
  ...taskPoison,
  ...taskDeploys,
  ...fileCrashes,
  ...etlKills,
  ...storms,
  ...soaks,
];
