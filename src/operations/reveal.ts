/** The message of a failure, for whoever may see it and says why. It is written down before it is shown. */
import type { Config } from '../config/schema.ts';
import { headerValues } from '../broker/rabbitmq/headers.ts';
import type { Store } from '../registrations/store.ts';
import { isMeant, withFailures } from './failure-queue.ts';
import type { Said } from './said.ts';
import { taskFailures, taskMessages } from './task-failures.ts';

export interface Revealed {
  contentType: string | null;
  /** Their names alone. */
  headers: string[];
  body: Buffer;
}

/** @param worker null for registrations. Null where there is no such message. @throws what a neighbour throws */
export const reveal = (
  config: Config,
  { own, actions }: Pick<Store, 'own' | 'actions'>,
  { worker, record, ...said }: Said & { worker: string | null; record: string },
): Promise<Revealed | null> =>
  actions.act(
    { ...said, what: 'reveal', on: record },
    () =>
      worker === null
        ? recordIn(config, record)
        : taskMessages(taskFailures(config, own, worker), own, record).then(([first]) =>
            first === undefined
              ? null
              : { contentType: null, headers: Object.keys(first.headers), body: first.body },
          ),
    (found) => (found === null ? 'not found' : `${found.body.length} bytes shown`),
  );

/** A look into the queue counts there as a delivery of each record: only a person asks for one. */
const recordIn = (config: Config, record: string): Promise<Revealed | null> =>
  withFailures(config, async (queue) => {
    for await (const failure of queue.messages()) {
      if (!isMeant(failure, record, config)) continue;
      const { properties } = failure.message;
      const contentType: unknown = properties.contentType;
      return {
        contentType: typeof contentType === 'string' ? contentType : null,
        headers: Object.keys(headerValues(properties.headers)),
        body: failure.body,
      };
    }
    return null;
  });
