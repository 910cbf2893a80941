import { activityInfo, cancelled, cancellationSignal, heartbeat } from '@temporalio/activity';
import { BEAT_MS, LOCAL_SILENCE_MS, MARGIN_MS } from '../src/domain/timing.ts';

/** The workflow id of the run that the activity works for. */
export const ownRun = (): string => activityInfo().workflowExecution?.workflowId ?? '';

/** Asked before each effect that must not happen twice. */
export interface Liveness {
  /** False once the attempt was cancelled, or was silent for so long that another one may be under way. */
  maySend(): boolean;
  /** False once it was silent for so long; true of one that was cancelled and is to finish. */
  isCurrent(): boolean;
  /** @throws CancelledFailure when the attempt was cancelled */
  throwIfCancelled(): Promise<void>;
  signal: AbortSignal;
}

/** For logs: claims and entries are named after the registration id, which may be personal. */
export const placeOf = (index: number) => ({ workflowId: ownRun(), index });

/** With a heartbeat on a timer. A process that stood still for too long finds out before it sends anything (monotonic clock). */
export async function withHeartbeat<T>(work: (liveness: Liveness) => Promise<T>): Promise<T> {
  const { isLocal, heartbeatTimeoutMs = Number.POSITIVE_INFINITY } = activityInfo();
  const limit = isLocal ? LOCAL_SILENCE_MS : heartbeatTimeoutMs - MARGIN_MS;
  const signal = cancellationSignal();
  let last = performance.now();
  let stale = false;
  const inTime = () => {
    stale ||= performance.now() - last > limit;
    return !stale;
  };
  const timer = setInterval(() => {
    if (!inTime()) return;
    if (heartbeatTimeoutMs !== Number.POSITIVE_INFINITY) heartbeat();
    last = performance.now();
  }, BEAT_MS);
  try {
    return await work({
      signal,
      maySend: () => !signal.aborted && inTime(),
      isCurrent: inTime,
      async throwIfCancelled() {
        if (signal.aborted) await cancelled();
      },
    });
  } finally {
    clearInterval(timer);
  }
}
