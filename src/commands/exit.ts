/** How a command ends: exit codes, and the errors that programs read. */

/** Exit codes of all commands; `despachante help exit-codes` prints them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** It worked, and what it looked for is not well: an audit that does not hold, a neighbour that is down. */
  found: 3,
  /** There is no such registration, failure or doubt. */
  notFound: 4,
  /** A neighbour cannot be reached: the same command may work in a minute. */
  unavailable: 5,
  /** It was asked for, and nobody said in time what came of it. */
  unknown: 6,
} as const;

/** A fault that a person can mend: printed as one sentence, without a stack. */
export class CommandError extends Error {
  override name = 'CommandError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

interface Ending {
  exitCode: number;
  /** In JSON errors; null for what is no error. */
  code: string | null;
  means: string;
  fix: string | null;
}

export const ENDINGS: readonly Ending[] = [
  { exitCode: EXIT.ok, code: null, means: 'It worked.', fix: null },
  {
    exitCode: EXIT.failed,
    code: 'failed',
    means: 'It failed. The error says why.',
    fix: null,
  },
  {
    exitCode: EXIT.usage,
    code: 'usage',
    means: 'The command line or the configuration is wrong. Nothing was done.',
    fix: 'Correct it as the message says. "--help" and "despachante config" show what is possible and what is in force.',
  },
  {
    exitCode: EXIT.found,
    code: null,
    means: 'It worked, and found something that is not well: an audit, a doctor, a failed task.',
    fix: null,
  },
  {
    exitCode: EXIT.notFound,
    code: 'not-found',
    means: 'There is no such registration, task, failure, doubt, run or pause.',
    fix: 'Check the name. "despachante status" and the lists show what there is.',
  },
  {
    exitCode: EXIT.unavailable,
    code: 'unavailable',
    means: 'RabbitMQ, Kafka, MongoDB or Temporal cannot be reached. Try again in a minute.',
    fix: 'Try again in a minute. "despachante doctor" finds out what is wrong.',
  },
  {
    exitCode: EXIT.unknown,
    code: 'unknown-outcome',
    means: 'It was asked for, and the outcome is not known: it may have happened.',
    fix: 'Look at how it stands before you ask again: "despachante status", "despachante doubts list".',
  },
];

/** Of a signal, as shells have it. */
export const SIGNALLED: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

/** An error as `--json` prints it on stderr, on one line. */
export function errorJson(message: string, exitCode: number): string {
  const ending = ENDINGS.find((each) => each.exitCode === exitCode && each.code !== null);
  const { code, fix } = ending ?? { code: 'failed', fix: null };
  return JSON.stringify({ error: { code, message, fix } });
}
