/** `doubts confirm|resubmit|abandon`: an operator's word on a registration in doubt. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { currentEntries, findDoubts } from '../registrations/doubts.ts';
import type { OpenClaim } from '../registrations/doubts.ts';
import { requireAgreement } from '../coordination/encryption-agreement.ts';
import { labelOf } from '../registrations/label.ts';
import { requestIdReader } from '../config/request-id-pattern.ts';
import { tellRun } from '../temporal/runs.ts';
import type { Told } from '../temporal/runs.ts';
import type { Store } from '../registrations/store.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { withStore, withTemporal } from './neighbours.ts';
import { line, paint } from './table.ts';

export type Action = 'confirm' | 'resubmit' | 'abandon';

export interface Word {
  operator?: string;
  reason: string;
  requestId?: string;
}

/** Tells the run that holds the registration, and what became of it. */
export async function decide(
  action: Action,
  id: string,
  word: Word,
  command: Command,
): Promise<void> {
  const { config } = load(command);
  const operator = word.operator ?? userName();
  if (word.requestId !== undefined && !requestIdReader(config.legacy)(word.requestId)) {
    throw new CommandError(
      `${line(word.requestId)} is no request id of the legacy system: legacy.requestIdPattern says what one looks like`,
      EXIT.usage,
    );
  }
  await withStore(config, async (store) => {
    await requireAgreement(config, store.control);
    const claim = await openClaimOf(id, store, config);
    const label = labelOf(claim.registration, config);
    const { reason, requestId } = word;
    const told = await withTemporal(config, (client) =>
      tellRun(client, claim.workflowId, action, {
        id: label,
        operator,
        reason,
        ...(requestId === undefined ? {} : { requestId }),
      }),
    );
    const became = resultOf(told, label, claim.workflowId);
    const entry = (await currentEntries(store, [claim])).get(claim._id);
    const known = entry?.state === 'accepted' ? entry.requestId : null;
    const asSaid =
      became === BECOMES[action] && (action !== 'confirm' || known === null || known === requestId);
    if (globals(command).json === true)
      return printJson({ id: label, became, asSaid, requestId: known });
    print(
      `${line(label)}: ${MEANS[became] ?? became}${known === null ? '' : ` (request ${line(known)})`}`,
    );
    if (!asSaid)
      print(paint.yellow('The journal knew better than that: what it knows is what counts'));
  });
}

const BECOMES: Readonly<Record<Action, string>> = {
  confirm: 'accepted',
  resubmit: 'resubmit',
  abandon: 'abandoned',
};

/** By the kinds of SubmitAnswer (src/domain/registrations/answers.ts). */
const MEANS: Readonly<Record<string, string>> = {
  accepted: 'accepted; it is asked for until it is done',
  resubmit: 'is submitted again',
  abandoned: 'abandoned; it goes to the failure queue',
  refused: 'was refused by the legacy system; it goes to the failure queue',
  'not-accepted': 'was not accepted by the legacy system; it is submitted again',
  pending: 'is being submitted at this moment; ask again in a minute',
};

function resultOf(told: Told, label: string, workflowId: string): string {
  switch (told.kind) {
    case 'done':
      return told.became;
    case 'refused':
      throw new CommandError(`${told.refusal}. "despachante status ${label}" tells how it stands`);
    case 'gone':
      throw new CommandError(
        `The run ${workflowId}, which holds "${label}", is closed or gone from Temporal, so that nobody can act on your word. Nothing was changed; the registration stays in doubt`,
      );
    case 'silent':
      throw new CommandError(
        'No worker took it within 30 s: is one running (despachante worker)? See "despachante doubts list" for whether it counted',
      );
  }
}

/** @throws CommandError when there is none by this id, or by the hash that stands for it */
async function openClaimOf(id: string, store: Store, config: Config): Promise<OpenClaim> {
  const all = await store.claims.ofRegistration(id);
  const last = all.findLast(({ conflict }) => !conflict);
  if (last !== undefined && last.outcome === null) return last;
  if (last !== undefined) {
    throw new CommandError(
      `"${id}" is not in doubt: it ended as ${last.outcome?.kind}. "despachante status ${id}" tells more`,
      EXIT.notFound,
    );
  }
  const doubts = await findDoubts(store, config.legacy.timeout);
  const byLabel = doubts.find(({ claim }) => labelOf(claim.registration, config) === id);
  if (byLabel !== undefined) return byLabel.claim;
  throw new CommandError(
    `Nothing is known of a registration "${id}". "despachante doubts list" shows what is in doubt`,
    EXIT.notFound,
  );
}

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    throw new CommandError('This user has no name: say who it is with --operator', EXIT.usage);
  }
}
