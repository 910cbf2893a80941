/**
 * Times that depend on one another, in ms. "Nothing is POSTed twice" hangs on some of them: test/domain/timing.test.ts says
 * which must be shorter than which, and why.
 */

/** After such a silence Temporal takes an attempt of an activity for dead, and begins another. */
export const HEARTBEAT_TIMEOUT_MS = 8_000;
/** How often an activity looks whether it stood still, and beats. */
export const BEAT_MS = 1_000;
/** How often the server is told of a beat: each is a write of its own there. */
export const BEAT_TOLD_MS = 2_000;
/** An activity takes itself for dead so much earlier than the server. */
export const MARGIN_MS = BEAT_TOLD_MS + BEAT_MS;
/** The longest attempt of an activity that asks the legacy system. */
export const START_TO_CLOSE_MS = 10 * 60_000;

/** A workflow task goes to another worker after the first; from the second on, the SDK prolongs it for its local activities. */
export const WORKFLOW_TASK_MS = 10_000;
export const PROLONGED_MS = 8_000;
/** A local activity: how late in its workflow task it may begin, how long it may last, and when it takes itself for dead. */
export const LOCAL_BEGIN_MS = 2_000;
export const LOCAL_ATTEMPT_MS = 5_000;
export const LOCAL_SILENCE_MS = 3_000;
/** How long it waits for answers, for all and for a first one: slow ones are waited for outside. */
export const LOCAL_PATIENCE = { inAll: 4_000, forOne: 800 };

/** The longest activity that has calls of handlers: it ends by its heartbeat, or when they do. */
export const HANDLED_MS = 30 * 24 * 3_600_000;
/** How long a process tries to write down what came of a call. */
export const RECORDED_MS = 8 * 60_000;
/** While something that came of a call has waited for longer to be written down, no other call begins: a kill makes all of it run again. */
export const UNWRITTEN_MS = 100;
/** A process that does not begin to follow its own calls in this time is gone. */
export const FOLLOW_MS = 30_000;

/** The longest attempt of an activity that asks only MongoDB and the failure queue. */
export const OWN_START_TO_CLOSE_MS = 2 * 60_000;

/**
 * How long an attempt of a redrive reads the failure queue, and how long it may last with what it has begun. It holds records
 * unacknowledged for as long: RabbitMQ closes a channel that does so for 30 minutes (consumer_timeout).
 */
export const REDRIVE_PASS_MS = 20 * 60_000;
export const REDRIVE_START_TO_CLOSE_MS = REDRIVE_PASS_MS + 10 * 60_000;

/** How often a process says that it is alive. After such a silence it is offline: three beats are missed, the fourth is due. */
export const PROCESS_BEAT_MS = 2_000;
export const SILENT_MS = 4 * PROCESS_BEAT_MS;
/** How often a worker checks its share of an endpoint, and after how long without a beat it has none. */
export const ADJUST_MS = 250;
export const GIVEN_UP_MS = SILENT_MS - ADJUST_MS;

/** How long the first answer of an activity waits for others. */
export const GRACE_MS = 500;
/** How long anybody waits at the gate for a slot or a limit. */
export const GATE_WAIT_MS = 5_000;
/** An older answer of MongoDB tells of the past: the process may have stood still in between. */
export const FRESH_MS = 5_000;
/** How long after its intent a POST may still begin. */
export const OPENED_MS = HEARTBEAT_TIMEOUT_MS - 1_000;
/** How long an activity waits until what it began has its intents. */
export const BEGUN_MS = FRESH_MS + OPENED_MS + 1_000;
/** How long an activity tries to withdraw intents that were never sent. */
export const WITHDRAWN_MS = 8 * 60_000;
