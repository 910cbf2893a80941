/** What went wrong with a request, for people and programs (RFC 9457). */
import type { z } from 'zod';
import { why } from '../doctor/diagnosis.ts';
import type { Log } from '../runtime/log.ts';
import { errorFacts } from '../runtime/log.ts';
import { maskText } from '../runtime/mask.ts';
import type { Sent } from './kinds.ts';
import type { problem } from './schemas.ts';

export type ProblemBody = Sent<typeof problem>;

export class Problem extends Error {
  readonly status: number;
  readonly errors: ProblemBody['errors'];
  /** @param detail with the remedy */
  constructor(status: number, detail: string, errors?: ProblemBody['errors']) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not understood',
  401: 'Nobody is signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Not with this method',
  409: 'It has changed meanwhile',
  412: 'Somebody else was faster',
  413: 'The request is too large',
  415: 'Not in this form',
  421: 'Not by this name',
  422: 'It cannot be done',
  429: 'Too often',
  503: 'A server does not answer',
};

/** @throws Problem with every fault, each with its JSON pointer */
export function parsed<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({
    pointer: path.map((each) => `/${String(each)}`).join(''),
    detail: message,
  }));
  throw new Problem(400, 'Mend what "errors" names', errors);
}

const REMEDY = '"despachante doctor" says which server does not answer, and what to do';

/** A fault that is no Problem is a neighbour's that does not answer. */
export function problemOf(error: unknown, instance: string, log: Log): ProblemBody {
  const { status, message, errors } =
    error instanceof Problem ? error : new Problem(503, `${maskText(why(error))}. ${REMEDY}`);
  if (!(error instanceof Problem))
    log.warn({ runbook: 'mongodb-away', ...errorFacts(error) }, 'A request of the page has failed');
  return {
    type: 'about:blank',
    title: TITLES[status] ?? 'It failed',
    status,
    detail: message,
    instance,
    ...(errors === undefined ? {} : { errors }),
  };
}
