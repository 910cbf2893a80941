/** Brings successes to MongoDB and failures to their queue: apart, so that a full queue holds no success back. Idempotent. */
import { ApplicationFailure } from '@temporalio/common';
import type { SettleAnswer } from '../../src/domain/registrations/answers.ts';
import type { RunItem, Taken } from '../../src/domain/run.ts';
import { readEntry, type Reading } from '../../src/domain/registrations/entry.ts';
import type { Settling } from '../../src/domain/registrations/item.ts';
import { isFailure } from '../../src/domain/registrations/outcome.ts';
import { messageOf, type Claim, type ClaimOutcome } from '../../src/claims/claims.ts';
import { attemptsOf } from '../../src/registrations/journal.ts';
import { failpoint } from '../../src/runtime/failpoint.ts';
import { errorFacts, withoutDocuments } from '../../src/runtime/log.ts';
import { isUnpublishable } from '../../src/broker/rabbitmq/publisher.ts';
import { fenced, readInTime, stale } from '../fence.ts';
import { answerEach } from '../ask-each.ts';
import { createGathering } from '../gathering.ts';
import { ownRun, placeOf, withHeartbeat, type Liveness } from '../heartbeat.ts';
import type { Dependencies } from './dependencies.ts';

export type Settlement = Omit<Settling, keyof RunItem | 'phase' | 'receivedAt'> & { index: number };

export function createSettle(needs: Dependencies) {
  const { claims, journal, clock, results, failures, setAside, metrics, log } = needs;
  return {
    persist: (settlements: Settlement[]): Promise<(SettleAnswer | Taken)[]> =>
      withHeartbeat(async (liveness) => {
        const keys = settlements.map(({ claim }) => claim);
        const owners = await readInTime(() => claims.workflowIds(keys));
        const { ours, lost } = fenced(settlements, (claim) => owners.get(claim));
        if (ours.length === 0) return lost;
        if (!liveness.isCurrent()) throw stale();
        failpoint('persist-writing');
        const written = await results.write(
          ours.map(({ id, requestId, outcome }) => ({
            id,
            requestId,
            registeredAt: new Date(outcome.at),
          })),
        );
        failpoint('persist-written');
        // Whoever takes these up settles them so, however late: journal and legacy system may have forgotten them by then.
        const aside = ours.filter((_, at) => typeof written[at] === 'object');
        await claims.conclude(aside.map(concluded), ownRun());
        const answers = await Promise.all(
          ours.map(async (settlement, at): Promise<SettleAnswer> => {
            const { index } = settlement;
            const fate = written[at] ?? 'later';
            if (typeof fate === 'object') return putAside(settlement, fate.permanent);
            if (fate === 'written') return { index, kind: 'settled' };
            return { index, kind: fate === 'missing' ? 'missing' : 'leftover' };
          }),
        );
        return [...(await finish(ours, answers)), ...lost];
      }),

    route: (asked: Settlement[]): Promise<(SettleAnswer | Taken)[]> =>
      withHeartbeat(async (liveness) => {
        const run = ownRun();
        // Before the record can be seen and redriven, its claim has the outcome: a run that takes the claim settles it so, too.
        await claims.conclude(asked.map(concluded), run);
        const entries = await journal.read(asked.map(({ entry }) => entry));
        const settlements = asked.map((each) =>
          withDoubt(each, readEntry(entries.get(each.entry), clock.now(), needs.legacyTimeoutMs)),
        );
        const inDoubt = settlements.filter((each, at) => each.doubt !== asked[at]?.doubt);
        await claims.conclude(inDoubt.map(concluded), run);
        failpoint('route-concluded');
        const found = await readInTime(() => claims.find(settlements.map(({ claim }) => claim)));
        const { ours, lost } = fenced(settlements, (claim) => found.get(claim)?.workflowId);
        if (ours.length === 0) return lost;
        const publishing = new Map(
          ours.map((settlement) => {
            const claim = found.get(settlement.claim);
            const attempts = attemptsOf(settlement.entry, entries.get(settlement.entry));
            return [settlement, publish(settlement, claim, attempts, liveness)] as const;
          }),
        );
        return [...(await finishEach(publishing)), ...lost];
      }),
  };

  /** Marks records as settled as they are confirmed. Late ones are waited for: another activity would publish them again. */
  async function finishEach(
    publishing: Map<Settlement, Promise<SettleAnswer>>,
  ): Promise<SettleAnswer[]> {
    const settled: SettleAnswer[] = [];
    const left: SettleAnswer[] = [];
    const failures: unknown[] = [];
    while (publishing.size > 0) {
      const gathering = createGathering<Settlement, SettleAnswer>();
      for (const [settlement, answer] of publishing) gathering.await(settlement, answer);
      await gathering.isOver();
      const { answers, open, ...more } = gathering.taken();
      const done = [...publishing.keys()].filter((each) => !open.includes(each));
      for (const each of done) publishing.delete(each);
      failures.push(...more.failures);
      left.push(...answers.filter(({ kind }) => kind === 'leftover'));
      left.push(...answerEach(more.failed, { kind: 'leftover' }));
      const ended = answers.filter(({ kind }) => kind !== 'leftover');
      if (ended.length > 0) settled.push(...(await finish(done, ended)));
    }
    if (settled.length === 0 && failures.length > 0) throw failures[0];
    return settled.length === 0 ? finish([], left) : [...settled, ...left];
  }

  async function publish(
    settlement: Settlement,
    claim: Claim | undefined,
    attempts: number,
    liveness: Liveness,
  ): Promise<SettleAnswer> {
    const { index, outcome, requestId } = settlement;
    if (claim?.message === null) return { index, kind: 'settled' }; // an earlier attempt has done it
    const body = claim === undefined ? null : messageOf(claim);
    if (claim?.message === undefined || body === null)
      return putAside(settlement, 'the claim with its message is gone');
    if (!isFailure(outcome.kind))
      return putAside(settlement, 'a success on its way to the failure queue');
    if (!liveness.isCurrent()) return { index, kind: 'leftover' };
    try {
      await failures.publish({
        claim: claim._id,
        failureClass: outcome.kind,
        reason: outcome.reason ?? outcome.kind,
        at: new Date(outcome.at),
        attempts,
        requestId,
        workflowId: claim.workflowId,
        generation: claim.generation,
        token: claim.token,
        body,
        properties: claim.message.properties,
      });
      failpoint('route-confirmed');
      return { index, kind: 'settled' };
    } catch (error) {
      if (isUnpublishable(error)) return putAside(settlement, error.message);
      const facts = { ...placeOf(index), ...errorFacts(error) };
      log.warn({ runbook: 'broker-away', ...facts }, 'A failure record was not confirmed');
      return { index, kind: 'leftover' };
    }
  }

  /** Its claim has the outcome already. */
  async function putAside({ index, claim }: Settlement, reason: string): Promise<SettleAnswer> {
    await setAside.put((await claims.find([claim])).get(claim), claim, reason);
    // It is not with the legacy system any more.
    await claims.setAtLegacy([claim], null);
    metrics.setAside.inc();
    const facts = { ...placeOf(index), reason: withoutDocuments(reason) };
    log.error(
      { runbook: 'set-aside', ...facts },
      'An outcome can never reach its destination and was set aside: "despachante status" with its id tells what to do',
    );
    return { index, kind: 'setAside' };
  }

  /** Marks what is settled. @throws ApplicationFailure when nothing got anywhere: then the retry policy waits */
  async function finish(
    settlements: Settlement[],
    answers: SettleAnswer[],
  ): Promise<SettleAnswer[]> {
    if (answers.every(({ kind }) => kind === 'leftover')) {
      const message = 'Nothing could be settled';
      throw ApplicationFailure.create({ type: 'NothingSettled', message });
    }
    const kinds = new Map(answers.map(({ index, kind }) => [index, kind]));
    const done = settlements.filter(({ index }) => kinds.get(index) === 'settled');
    await claims.settled(done.map(concluded), ownRun());
    failpoint('settle-written');
    for (const { index, requestId, outcome, acceptedAt } of done) {
      const facts = { outcome: outcome.kind, requestId, ...placeOf(index) };
      if (isFailure(outcome.kind)) log.info(facts, 'A registration ended in the failure queue');
      metrics.outcomes.inc({ outcome: outcome.kind });
      metrics.settleLag.observe(Math.max(0, clock.now() - outcome.at) / 1000);
      if (acceptedAt === null) continue;
      metrics.legacyLatency.observe((outcome.at - acceptedAt) / 1000);
    }
    return answers;
  }
}

/**
 * An attempt that its run has given up may have written its intent since the run read the journal. It reads the claim after
 * that, and the journal is read here after the claim was concluded: one of the two sees the other. A registration that the
 * legacy system has refused is not filed, though the journal may not say so yet.
 */
function withDoubt(settlement: Settlement, { kind }: Reading): Settlement {
  const mayBeOut = kind === 'on the wire' || kind === 'accepted' || kind === 'in doubt';
  const isTold = settlement.requestId !== null || settlement.outcome.kind === 'rejected';
  return mayBeOut && !isTold ? { ...settlement, doubt: true } : settlement;
}

const concluded = (settlement: Settlement): { claim: string; outcome: ClaimOutcome } => ({
  claim: settlement.claim,
  outcome: {
    kind: settlement.outcome.kind,
    reason: settlement.outcome.reason ?? null,
    ...(settlement.outcome.ours === true ? { ours: true } : {}),
    at: new Date(settlement.outcome.at),
    requestId: settlement.requestId,
    acceptedAt: settlement.acceptedAt === null ? null : new Date(settlement.acceptedAt),
    polls: settlement.polls,
    doubt: settlement.doubt,
    entry: settlement.entry,
  },
});
