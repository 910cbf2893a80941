import type { Recorded } from '../../src/tasks/claims.ts';

type Write = (all: readonly Recorded[], workflowId: string) => Promise<void>;

interface Waiting {
  recorded: Recorded;
  settle: { resolve: () => void; reject: (error: unknown) => void };
}

/**
 * Writes down what attempts have come to as soon as they have: one statement at a time for a run, and what ends meanwhile goes
 * with the next. So an idle worker waits for nothing, and a busy one pays for few statements.
 */
export function createRecorder(write: Write) {
  const waiting = new Map<string, Waiting[]>();
  const writing = new Set<string>();

  async function drain(run: string): Promise<void> {
    writing.add(run);
    for (let all = waiting.get(run); all !== undefined; all = waiting.get(run)) {
      waiting.delete(run);
      try {
        await write(
          all.map(({ recorded }) => recorded),
          run,
        );
        for (const { settle } of all) settle.resolve();
      } catch (error) {
        for (const { settle } of all) settle.reject(error);
      }
    }
    writing.delete(run);
  }

  /** Resolves when it is written. @throws what MongoDB throws */
  return (recorded: Recorded, run: string): Promise<void> => {
    const { promise, ...settle } = Promise.withResolvers<void>();
    waiting.set(run, [...(waiting.get(run) ?? []), { recorded, settle }]);
    if (!writing.has(run)) void drain(run);
    return promise;
  };
}
