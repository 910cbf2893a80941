import { ownRun } from './heartbeat.ts';

export interface Call<A> {
  answer: Promise<A>;
  /** Resolves when others can read that it may be on the wire, or when it will not be sent. Never rejects. */
  begun?: Promise<void>;
  end?: Promise<void>;
}

export interface Calls<A> {
  /** The answer to this run's call for that index, if it is under way. */
  find(index: number, subject: string): Promise<A> | undefined;
  add(index: number, subject: string, call: Call<A>): void;
}

/** A run that has gone on in another process leaves its turn here. */
const TURNS_KEPT = 1_000;

export type UnderWay = ReturnType<typeof createUnderWay>;

export function createUnderWay() {
  const ends = new Set<Promise<void>>();
  const turns = new Map<string, number>();
  return {
    calls<A>(): Calls<A> {
      const answers = new Map<string, Promise<A>>();
      // Only for the same run: an answer says something of its claim, whose owner may change.
      const keyOf = (index: number, subject: string) => JSON.stringify([ownRun(), index, subject]);
      return {
        find: (index, subject) => answers.get(keyOf(index, subject)),
        add(index, subject, { answer, end }) {
          const key = keyOf(index, subject);
          answers.set(key, answer);
          const ended: Promise<void> = (end ?? answer.then(() => {}))
            .catch(() => {})
            .then(() => {
              ends.delete(ended);
              if (answers.get(key) === answer) answers.delete(key);
            });
          if (end !== undefined) ends.add(ended);
        },
      };
    },
    /** The place of a run in the line of the gate; kept for when it comes again, until it is let go. */
    turnOf(run: string, fresh: () => number): number {
      const turn = turns.get(run) ?? fresh();
      turns.set(run, turn);
      const [oldest] = turns.keys();
      if (turns.size > TURNS_KEPT && oldest !== undefined) turns.delete(oldest);
      return turn;
    },
    letGoOfTurn: (run: string): void => void turns.delete(run),
    /** Resolves when every call has ended whose outcome is to be written down. */
    async idle(): Promise<void> {
      while (ends.size > 0) await Promise.all(ends);
    },
  };
}
