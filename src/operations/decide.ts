/** An operator's word on a registration in doubt. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { requestIdReader } from '../config/contract.ts';
import { requireAgreement } from '../coordination/encryption-agreement.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import type { OutcomeKind } from '../domain/registrations/outcome.ts';
import { findDoubts, knownDoubts, type Doubt } from '../registrations/doubts.ts';
import type { OpenClaim } from '../registrations/open-claims.ts';
import { labelOf } from '../intake/label.ts';
import type { Store } from '../registrations/store.ts';
import { entryNumber } from '../domain/names.ts';
import { runLink } from '../temporal/run-link.ts';
import type { Reach } from './reach.ts';

export type Decision = 'confirm' | 'resubmit' | 'abandon';

export interface Word {
  operator: string;
  reason: string;
  /** With `confirm`: the one that the legacy system gave it. */
  requestId?: string;
}

/** Which doubt it was that somebody has looked at: a registration that is submitted again may be in doubt again. */
export interface Looked {
  generation: number;
  submission: number;
}

/** What a word on a registration in doubt came to. `id`: as it may be shown. */
export type Decided =
  /** `became`: a kind of SubmitAnswer (src/domain/registrations/answers.ts). `asSaid`: else the journal knew better. */
  | { kind: 'done'; id: string; became: string; asSaid: boolean; requestId: string | null }
  /** By the run, with its reason. */
  | { kind: 'refused'; id: string; refusal: string }
  | { kind: 'gone'; id: string; workflowId: string }
  /** No worker took the word in time; it may count later. */
  | { kind: 'silent' }
  | { kind: 'ended'; as: OutcomeKind | null }
  | { kind: 'unknown' }
  | { kind: 'not-a-request-id' };

interface Needs extends Pick<Reach, 'store' | 'temporal'> {
  config: Config;
  /** Of whoever looked at it before. */
  looked?: Looked;
}

/**
 * Tells the run that holds the registration, and what became of it.
 * @param id the registration id, or the hash that stands for it
 * @throws what a neighbour throws
 */
export async function decide(
  decision: Decision,
  id: string,
  word: Word,
  { config, store, temporal, looked }: Needs,
): Promise<Decided> {
  const { requestId } = word;
  if (requestId !== undefined && !requestIdReader(config.legacy)(requestId))
    return { kind: 'not-a-request-id' };
  return store(async (opened) => {
    await requireAgreement(config, opened.control);
    const claim = await openClaimOf(id, opened, config);
    if ('kind' in claim) return claim;
    const label = labelOf(claim.item, config);
    if (looked !== undefined && !isSame(looked, claim)) {
      const refusal = 'it was submitted again since you have looked, and is another doubt now';
      return { kind: 'refused', id: label, refusal };
    }
    const on = requestId === undefined ? label : `${label} as request ${requestId}`;
    return opened.actions.act(
      { by: word.operator, what: `doubts ${decision}`, on, reason: word.reason },
      () => temporal((client) => tell(client, opened, claim, decision, { ...word, id: label })),
      resultOf,
    );
  });
}

const isSame = ({ generation, submission }: Looked, claim: OpenClaim): boolean =>
  claim.generation === generation && entryNumber(claim.entry) === submission;

function resultOf(decided: Decided): string {
  if (decided.kind === 'done') return `became ${decided.became}`;
  return decided.kind === 'refused' ? `refused: ${decided.refusal}` : decided.kind;
}

async function tell(
  client: Client,
  store: Store,
  claim: OpenClaim,
  decision: Decision,
  word: Word & { id: string },
): Promise<Decided> {
  const { workflowId } = claim;
  const { id, requestId } = word;
  const { tellRun } = await import('../temporal/runs.ts');
  const told = await tellRun(client, workflowId, decision, word);
  if (told.kind === 'silent') return told;
  if (told.kind === 'gone') return { ...told, id, workflowId };
  if (told.kind === 'refused') return { ...told, id };
  const { became } = told;
  const entry = (await store.journal.read([claim.entry])).get(claim.entry);
  const known = entry?.state === 'accepted' ? entry.requestId : null;
  const isAsSaid = decision !== 'confirm' || known === null || known === requestId;
  const asSaid = became === BECOMES[decision] && isAsSaid;
  return { kind: 'done', id, became, asSaid, requestId: known };
}

const BECOMES: Readonly<Record<Decision, string>> = {
  confirm: 'accepted',
  resubmit: 'resubmit',
  abandon: 'abandoned',
};

type NotInDoubt = Extract<Decided, { kind: 'ended' | 'unknown' }>;

async function openClaimOf(
  id: string,
  store: Store,
  config: Config,
): Promise<OpenClaim | NotInDoubt> {
  const all = await store.claims.ofItem(plainId(id, config.mongodb.matchType));
  const last = all.findLast(({ conflict }) => !conflict);
  if (last !== undefined && last.outcome === null) return last;
  if (last !== undefined) return { kind: 'ended', as: last.outcome?.kind ?? null };
  const doubts = await findDoubts(store, config.legacy.timeout);
  const byLabel = doubts.find(({ claim }) => labelOf(claim.item, config) === id);
  return byLabel?.claim ?? { kind: 'unknown' };
}

/** What is in doubt, oldest first, as it may be shown. */
export const readDoubts = async (config: Config, store: Store) =>
  (await findDoubts(store, config.legacy.timeout)).map((doubt) => factsOf(doubt, config));

/** As far as the journal says so by itself: cheap, for whoever looks often. */
export async function readKnownDoubts(config: Config, store: Store, limit: number) {
  const found = await knownDoubts(store);
  return { all: found.length, oldest: found.slice(0, limit).map((each) => factsOf(each, config)) };
}

const factsOf = ({ claim, entry, since, reason }: Doubt, config: Config) => ({
  id: labelOf(claim.item, config),
  generation: claim.generation,
  submission: entryNumber(entry._id),
  since,
  reason,
  workflowId: claim.workflowId,
  link: runLink(config, claim.workflowId),
});
