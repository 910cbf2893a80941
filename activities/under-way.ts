import { ownRun } from './heartbeat.ts';

export interface Call<A> {
  answer: Promise<A>;
  /** Kept when others can read that it may be on the wire, or when it will not be sent. Never rejects. */
  begun?: Promise<void>;
  end?: Promise<void>;
}

/** Calls of one kind. */
export interface Calls<A> {
  /** The answer to this run's call for that index, if it is under way. */
  find(index: number, subject: string): Promise<A> | undefined;
  add(index: number, subject: string, call: Call<A>): void;
}

export interface UnderWay {
  /** A book of its own for each kind of call. */
  calls<A>(): Calls<A>;
  /** The place of a run in the line of the gate; kept, for when it comes again, until it is let go. */
  turnOf(run: string, fresh: () => number): number;
  letGoOfTurn(run: string): void;
  /** Resolves when no call is under way of which something is to be written down. Others nobody needs to wait for. */
  idle(): Promise<void>;
}

/** A run that has gone on in another process leaves its turn here. */
const TURNS_KEPT = 1_000;

export function createUnderWay(): UnderWay {
  const ends = new Set<Promise<void>>();
  const turns = new Map<string, number>();
  return {
    calls<A>(): Calls<A> {
      const answers = new Map<string, Promise<A>>();
      // Of its run only: what a run is answered says something of its claim, and whose that is may change.
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
    turnOf(run, fresh) {
      const turn = turns.get(run) ?? fresh();
      turns.set(run, turn);
      const [oldest] = turns.keys();
      if (turns.size > TURNS_KEPT && oldest !== undefined) turns.delete(oldest);
      return turn;
    },
    letGoOfTurn: (run) => void turns.delete(run),
    async idle() {
      while (ends.size > 0) await Promise.all(ends);
    },
  };
}
