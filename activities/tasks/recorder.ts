import { RECORDED_MS, UNWRITTEN_MS } from '../../src/domain/timing.ts';
import { soon } from '../../src/runtime/retry.ts';
import type { Recorded } from '../../src/tasks/claims.ts';

/** Returns the claims that it has not reached. */
type Write = (all: readonly Recorded[], workflowId: string) => Promise<ReadonlySet<string>>;

interface Waiting {
  recorded: Recorded;
  settle: { resolve: () => void; reject: (error: unknown) => void };
}

/** Of results and outputs in one statement; MongoDB takes 16 MiB of a document, and 48 MB of a message. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The task is another run's by now, or its end was decided while it was handled. */
export class EndedOtherwise extends Error {
  override readonly name = 'EndedOtherwise';
  override readonly message = 'Another run has the task, or it was ended while it was handled';
}

const bytesOf = ({ done }: Recorded): number =>
  done === undefined ? 0 : (done.result?.length ?? 0) + JSON.stringify(done.outgoing).length;

/**
 * Writes down what attempts have come to as soon as they have: one statement at a time for a run, and what ends meanwhile goes
 * with the next. So an idle worker waits for nothing, and a busy one pays for few statements. A MongoDB that is away is tried again:
 * given up, the handler would have to run again. So would the handlers of all that is not written down when the process dies: none is
 * begun while something has waited for long.
 */
export function createRecorder(write: Write, now: () => number = () => performance.now()) {
  const waiting = new Map<string, Waiting[]>();
  const writing = new Set<string>();
  /** In the order in which they came, with the time. */
  const unwritten = new Map<Promise<void>, number>();

  /** As many as one statement can carry. */
  function next(run: string): Waiting[] {
    const all = waiting.get(run) ?? [];
    let bytes = 0;
    const over = all.findIndex(
      ({ recorded }, at) => (bytes += bytesOf(recorded)) > MOST_BYTES && at > 0,
    );
    const some = over < 0 ? all : all.slice(0, over);
    if (over < 0) waiting.delete(run);
    else waiting.set(run, all.slice(over));
    return some;
  }

  async function drain(run: string): Promise<void> {
    writing.add(run);
    for (let all = next(run); all.length > 0; all = next(run)) {
      try {
        const recorded = all.map((each) => each.recorded);
        const missed = await soon(RECORDED_MS, () => write(recorded, run));
        for (const { settle, recorded: each } of all)
          if (missed.has(each.claim)) settle.reject(new EndedOtherwise());
          else settle.resolve();
      } catch (error) {
        for (const { settle } of all) settle.reject(error);
      }
    }
    writing.delete(run);
  }

  return {
    /** Resolves when it is written. @throws EndedOtherwise; what MongoDB has thrown for minutes */
    record: (recorded: Recorded, run: string): Promise<void> => {
      const { promise, ...settle } = Promise.withResolvers<void>();
      const line = waiting.get(run);
      if (line === undefined) waiting.set(run, [{ recorded, settle }]);
      else line.push({ recorded, settle });
      unwritten.set(promise, now());
      if (!writing.has(run)) void drain(run);
      return promise.finally(() => unwritten.delete(promise));
    },
    /** Resolves when nothing has waited for long. */
    keptUp: async (): Promise<void> => {
      for (;;) {
        const [oldest] = unwritten;
        if (oldest === undefined || now() - oldest[1] < UNWRITTEN_MS) return;
        await oldest[0].catch(() => {});
      }
    },
  };
}
