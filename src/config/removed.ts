// Settings that there were, and what takes the place of each. Whoever still sets one is told.
const CONSTANT = 'a constant now: nothing takes its place';

export const REMOVED: Readonly<Record<string, string>> = {
  'temporal.localActivities': 'steps are always tried once inside the workflow task',
  'temporal.stackTraces':
    'runs keep no stack traces; docs/decisions/0010-no-workflow-stacks.md says how to find a fault in workflow code',
  'rabbit.returnedQueue': 'it is the name of rabbit.intakeQueue with ".returned" behind it',
  'rabbit.prefetch': 'it follows from intake.batchSize: four batches, 100 to 2000 deliveries',
  'rabbit.deliveryLimit': `1000000, ${CONSTANT}`,
  'rabbit.heartbeat': `10s, ${CONSTANT}`,
  'intake.batchBytes': 'it follows from intake.maxMessageBytes: 512KiB, or 4/3 of that',
  'intake.batchWait': `5ms, ${CONSTANT}`,
  'intake.partialBatchesPerSecond': `2, ${CONSTANT}`,
  'intake.maxDepth': `64, ${CONSTANT}`,
  'registration.idField': 'registration.id says it, as a JSON pointer: /id',
  'registration.maxIdBytes': `200, ${CONSTANT}`,
  'legacy.maxResponseBytes': `1MiB, ${CONSTANT}`,
  'legacy.breaker.window': `10s, ${CONSTANT}; legacy.breaker.threshold says how soon it opens`,
  'legacy.breaker.minRequests': `20, ${CONSTANT}; legacy.breaker.threshold says how soon it opens`,
  'legacy.breaker.rest': `5s, ${CONSTANT}`,
  'legacy.breaker.maxRest': `1m, ${CONSTANT}`,
  'legacy.breaker.rampUp': `10s, ${CONSTANT}`,
  'legacy.learnLatency':
    'it always learns; legacy.expectedLatency holds until enough was seen, and legacy.maxGetsPerRegistration bounds the polls',
  'legacy.targetLag': 'legacy.maxGetsPerRegistration says how many polls there may be',
  'legacy.maxPollInterval': `60s, ${CONSTANT}`,
  'legacy.lateFor': 'what has timed out is asked for once a day, for legacy.maxOpen',
  'legacy.idempotent': 'legacy.onUnknown: resubmit says it alone',
  'legacy.lookup.notFound':
    '404 says that there is none, unless what is there is answered in a list: then only an empty list does',
  'worker.maxConcurrentActivities': `200, ${CONSTANT}; more workers take more`,
  'worker.maxCachedWorkflows': `1000, ${CONSTANT}`,
  'guard.maxMemory':
    'three quarters of what the process may have: the limit of its container or the memory of the machine',
  'guard.maxLoopDelay': `1s, ${CONSTANT}`,
  'sweeper.every': `5m, ${CONSTANT}; "despachante sweep" does it at once`,
  'sweeper.olderThan': `10m, ${CONSTANT}`,
};

/** What takes the place of a setting that is no more, or of those in a section that is none. Undefined for any other name. */
export function replacementOf(path: string): string | undefined {
  if (REMOVED[path] !== undefined) return REMOVED[path];
  const inside = Object.entries(REMOVED).filter(([each]) => each.startsWith(`${path}.`));
  return inside.length === 0 ? undefined : inside.map(([each, is]) => `${each}: ${is}`).join('; ');
}
