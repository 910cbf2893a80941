/** `doubts confirm|resubmit|abandon`: an operator's word on a registration in doubt. */
import type { Command } from 'commander';
import { decide, type Decided, type Decision } from '../operations/decide.ts';
import { reachOf } from '../operations/reach.ts';
import { withStore } from '../registrations/neighbours.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { saidIn, type SaidOptions } from './said.ts';
import { line, paint } from './table.ts';

export type Word = SaidOptions & { reason: string; requestId?: string };

export async function decideDoubt(
  decision: Decision,
  id: string,
  word: Word,
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const { temporal } = reachOf(config);
  const decided = await decide(
    decision,
    id,
    { ...word, operator: saidIn(word).by },
    {
      config,
      temporal,
      store: (work) => withStore(config, work, 'writer'),
    },
  );
  if (decided.kind !== 'done') throw notDone(decided, id, word.requestId ?? '');
  const { id: label, became, asSaid, requestId: known } = decided;
  if (globals(command).json === true)
    return printJson({ id: label, became, asSaid, requestId: known });
  print(
    `${line(label)}: ${MEANS[became] ?? became}${known === null ? '' : ` (request ${line(known)})`}`,
  );
  if (!asSaid)
    print(paint.yellow('The journal knew better than that: what it knows is what counts'));
}

/** By the kinds of SubmitAnswer (src/domain/registrations/answers.ts). */
const MEANS: Readonly<Record<string, string>> = {
  accepted: 'accepted; it is asked for until it is done',
  resubmit: 'is submitted again',
  abandoned: 'abandoned; it goes to the failure queue',
  refused: 'was refused by the legacy system; it goes to the failure queue',
  'not-accepted': 'was not accepted by the legacy system; it is submitted again',
  pending: 'is being submitted at this moment; ask again in a minute',
};

function notDone(
  decided: Exclude<Decided, { kind: 'done' }>,
  id: string,
  requestId: string,
): CommandError {
  switch (decided.kind) {
    case 'not-a-request-id':
      return new CommandError(
        `${line(requestId)} is no request id of the legacy system: legacy.requestIdPattern says what one looks like`,
        EXIT.usage,
      );
    case 'ended':
      return new CommandError(
        `"${id}" is not in doubt: it ended as ${decided.as}. "despachante status ${id}" tells more`,
        EXIT.notFound,
      );
    case 'unknown':
      return new CommandError(
        `Nothing is known of a registration "${id}". "despachante doubts list" shows what is in doubt`,
        EXIT.notFound,
      );
    case 'refused':
      return new CommandError(
        `${decided.refusal}. "despachante status ${decided.id}" tells how it stands`,
      );
    case 'gone':
      return new CommandError(
        `The run ${decided.workflowId}, which holds "${decided.id}", is closed or gone from Temporal, so that nobody can act on your word. Nothing was changed; the registration stays in doubt`,
      );
    case 'silent':
      return new CommandError(
        'No worker took it within 30 s: is one running (despachante worker)? See "despachante doubts list" for whether it counted',
      );
  }
}
