/**
 * Times that hold only together. "Nothing is POSTed twice" hangs on some of them; test/domain/timing.test.ts says which must be shorter
 * than which, and why. All in ms.
 */

/** Temporal takes an activity that it has not heard of for so long for dead, and has another attempt begin. */
export const HEARTBEAT_TIMEOUT_MS = 8_000;
/** How often an activity looks whether it stood still, and beats. */
export const BEAT_MS = 1_000;
/** How often the server is told of a beat: each is a write of its own there. */
export const BEAT_TOLD_MS = 2_000;
/** How much earlier than the server an activity takes itself for dead. */
export const MARGIN_MS = BEAT_TOLD_MS + BEAT_MS;
/** How long an attempt of the legacy system's activities may last. */
export const START_TO_CLOSE_MS = 10 * 60_000;

/** A workflow task goes to another worker after the one; from the other on, the SDK prolongs it for its local activities. */
export const WORKFLOW_TASK_MS = 10_000;
export const PROLONGED_MS = 8_000;
/** A local activity: when in its workflow task it is scheduled at the latest, how long it has from then, and when it takes itself for dead. */
export const LOCAL_BEGIN_MS = 2_000;
export const LOCAL_ATTEMPT_MS = 5_000;
export const LOCAL_SILENCE_MS = 3_000;
/** How long it waits for answers, for all and for a first one: whoever is slow is waited for outside. */
export const LOCAL_PATIENCE = { inAll: 4_000, forOne: 800 };

/** How long an attempt of an activity may last that asks MongoDB and the failure queue alone. */
export const OWN_START_TO_CLOSE_MS = 2 * 60_000;

/**
 * How long an attempt of a redrive looks through the failure queue, and how long it may last with what it has begun. It holds
 * records unacknowledged for as long: RabbitMQ closes the channel of whoever does so for 30 minutes (consumer_timeout).
 */
export const REDRIVE_PASS_MS = 20 * 60_000;
export const REDRIVE_START_TO_CLOSE_MS = REDRIVE_PASS_MS + 10 * 60_000;

/** How often a process says that it is alive. It is offline when it was silent for so long: three beats are missed, and the fourth is due. */
export const PROCESS_BEAT_MS = 2_000;
export const SILENT_MS = 4 * PROCESS_BEAT_MS;
/** How often a worker looks whether it still has its share of an endpoint, and after how long without a beat it has not. */
export const ADJUST_MS = 250;
export const GIVEN_UP_MS = SILENT_MS - ADJUST_MS;

/** How long the first answer of an activity waits for others. */
export const GRACE_MS = 500;
/** How long anybody waits at the gate for a slot or a limit. */
export const GATE_WAIT_MS = 5_000;
/** An answer of MongoDB that took longer tells of the past: the process may have stood still in between. */
export const FRESH_MS = 5_000;
/** How long after its intent a POST may still begin. */
export const OPENED_MS = HEARTBEAT_TIMEOUT_MS - 1_000;
/** How long an activity waits until what it began has its intents. */
export const BEGUN_MS = FRESH_MS + OPENED_MS + 1_000;
/** How long intents of what was never sent are tried to be taken back. */
export const WITHDRAWN_MS = 8 * 60_000;
