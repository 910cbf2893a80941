// The one barrel: Temporal registers every function exported here as a workflow.
export { registrations } from './registrations/registrations.ts';
export { etl } from './operations/etl.ts';
export { redrive } from './operations/redrive.ts';
export { tasks } from './tasks.ts';
export { sweep } from './registrations/sweep.ts';
