// The one barrel: Temporal registers every function exported here as a workflow.
export { registrations } from './registrations/registrations.ts';
export { redrive } from './registrations/redrive.ts';
export { sweep } from './sweep.ts';
