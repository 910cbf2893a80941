/** The steps of a redrive. Each can be done twice: a record that is sent again is a duplicate of its own claim. */
import { ApplicationFailure } from '@temporalio/common';
import { isUnpublishable } from '../../src/broker/rabbitmq/publisher.ts';
import { BrokerRefusal } from '../../src/broker/refusals.ts';
import type {
  Canary,
  PassReport,
  RedriveInput,
  RedriveWork,
  Redriving,
} from '../../src/domain/redrive-order.ts';
import { withHeartbeat } from '../heartbeat.ts';

export type RedriveActivities = ReturnType<typeof createRedrive>;

export const createRedrive = (work: RedriveWork) => ({
  beginRedrive: (action: string, said: RedriveInput['said']) =>
    withHeartbeat(() => work.begin(action, said)),
  chooseCanaries: (redriving: Redriving, count: number) =>
    withHeartbeat((live) => unlessFinal(work.chooseCanaries(redriving, count, live))),
  moveFailures: (redriving: Redriving, only: string[] | null) =>
    withHeartbeat((live) => unlessFinal(work.move(redriving, only, live))),
  awaitCanaries: (redriving: Redriving, canaries: Canary[], until: number) =>
    withHeartbeat((live) => work.awaitCanaries(redriving, canaries, until, live)),
  endRedrive: (action: string, report: PassReport) => withHeartbeat(() => work.end(action, report)),
});

/** @throws ApplicationFailure that is not tried again, where a person must change something first */
const unlessFinal = <T>(doing: Promise<T>): Promise<T> =>
  doing.catch((error: unknown) => {
    const isFinal = isUnpublishable(error) || error instanceof BrokerRefusal;
    throw isFinal ? ApplicationFailure.nonRetryable(error.message, error.name) : error;
  });
