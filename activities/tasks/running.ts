import type { HandleAnswer } from '../../src/domain/tasks.ts';
import { ownRun } from '../heartbeat.ts';
import type { UnderWay } from '../under-way.ts';

interface Subject {
  index: number;
  claim: string;
  attempt: number;
}

export type RunningTasks = ReturnType<typeof createRunning>;

/** The calls of this process that outlive the activities which began them. Each belongs to the run that asks. */
export function createRunning(underWay: Pick<UnderWay, 'calls'>) {
  const calls = underWay.calls<HandleAnswer>();
  const cancels = new Map<string, () => void>();
  // An attempt of a run that took the task over is another.
  const subjectOf = ({ claim, attempt }: Subject) => `${claim} ${attempt}`;
  const keyOf = (subject: Subject) => `${ownRun()} ${subject.index} ${subjectOf(subject)}`;
  return {
    find: (subject: Subject) => calls.find(subject.index, subjectOf(subject)),
    add(subject: Subject, answer: Promise<HandleAnswer>, cancel: () => void): void {
      const key = keyOf(subject);
      cancels.set(key, cancel);
      calls.add(subject.index, subjectOf(subject), { answer });
      void answer.catch(() => {}).then(() => cancels.delete(key));
    },
    /** Aborts the signals of these calls; each ends as its handler takes it. */
    cancel(subjects: readonly Subject[]): void {
      for (const subject of subjects) cancels.get(keyOf(subject))?.();
    },
  };
}
