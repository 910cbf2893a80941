import type { HandleAnswer } from '../../src/domain/tasks.ts';
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
  // An attempt of a run that took the task over is another.
  const subjectOf = ({ claim, attempt }: Subject) => `${claim} ${attempt}`;
  return {
    find: (subject: Subject) => calls.find(subject.index, subjectOf(subject)),
    /** @param answer comes when it is written down, which a process that stops waits for */
    add(subject: Subject, answer: Promise<HandleAnswer>): void {
      const end = answer.then(() => {});
      calls.add(subject.index, subjectOf(subject), { answer, end });
    },
  };
}
