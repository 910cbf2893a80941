/** Taking up what dead runs have left, when an operator says so. */
import type { Client } from '@temporalio/client';
import type { Config } from '../config/schema.ts';
import { requireAgreement } from '../coordination/encryption-agreement.ts';
import { labelOf } from '../intake/label.ts';
import type { Store } from '../registrations/store.ts';
import {
  findLeft,
  sweepNeeds,
  takeUp,
  type Stranded,
  type Unclaimed,
} from '../registrations/sweep.ts';
import type { Said } from './said.ts';

interface StrandedFacts {
  /** As it may be shown. */
  id: string;
  generation: number;
  /** Null where its run was ended before it came to claim it. */
  claimedAt: Date | null;
  /** `closed`, or `unknown` to Temporal. */
  run: Stranded['run'];
  workflowId: string;
}

interface Needs {
  config: Config;
  store: Store;
  client: Client;
}

export type SweepFacts = Awaited<ReturnType<typeof find>>['facts'];

/** What it would take up. @throws what a neighbour throws */
export const findToSweep = async (needs: Needs): Promise<SweepFacts> => (await find(needs)).facts;

/** @throws what a neighbour throws; sweeping again is harmless */
export const sweepNow = (needs: Needs, said: Said): Promise<SweepFacts> =>
  needs.store.actions.act(
    { ...said, what: 'sweep', on: null },
    async () => {
      const { config, store, client } = needs;
      await requireAgreement(config, store.control);
      const { found, facts } = await find(needs);
      const { started } = await takeUp(sweepNeeds(config, store, client), found);
      return { ...facts, started };
    },
    ({ stranded, started }) => `${stranded.length} stranded, ${started.length} runs started`,
  );

async function find({ config, store, client }: Needs) {
  const needs = sweepNeeds(config, store, client);
  const found = await findLeft(needs);
  const started: string[] = [];
  const facts = {
    stranded: [
      ...found.stranded.map((each) => factsOf(each, config)),
      ...found.unclaimed.flatMap(unclaimedFacts),
    ],
    /** Ended runs whose input nobody can read, and why. */
    unreadable: [...found.unreadable].map(([workflowId, reason]) => ({ workflowId, reason })),
    /** Workflow ids of the runs that were started; none by a dry run. */
    started,
  };
  return { found, facts };
}

const factsOf = ({ claim, run }: Stranded, config: Config): StrandedFacts => ({
  id: labelOf(claim.item, config),
  generation: claim.generation,
  claimedAt: claim.claimedAt,
  run,
  workflowId: claim.workflowId,
});

const unclaimedFacts = ({ workflowId, items }: Unclaimed): StrandedFacts[] =>
  items.map(({ label, failedGeneration: redrive }) => ({
    id: label,
    generation: redrive === null ? 0 : redrive + 1,
    claimedAt: null,
    run: 'closed',
    workflowId,
  }));
