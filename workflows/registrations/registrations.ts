/** The run that carries registrations from claim to settlement: its steps (steps.ts), for the driver of all runs (../run.ts). */
import { continueAsNew, setHandler } from '@temporalio/workflow';
import { broughtForward } from '../../src/domain/registrations/after-answer.ts';
import { registrationFlow } from '../../src/domain/registrations/flow.ts';
import { newItems, type Item } from '../../src/domain/registrations/item.ts';
import type { RunInput } from '../../src/domain/registrations/run-input.ts';
import { newRun, type Run } from '../../src/domain/run.ts';
import { drive } from '../run.ts';
import { handleResolutions } from './resolve.ts';
import { registrationSteps } from './steps.ts';
import { describeRun, queryRegistrations, viewOf } from './view.ts';

/** Settles every registration of its input and returns how many ended in which way. */
export function registrations(input: RunInput): Promise<Run<Item>['settled']> {
  let { rules } = input;
  const { localFirst, maxHistoryEvents } = rules;
  let bringForward = (): void => {};
  return drive({
    run: input.carried ?? newRun<Item>(newItems(input.registrations, Date.now())),
    flow: registrationFlow(() => rules),
    table: registrationSteps(
      () => rules,
      (plan) => {
        rules = { ...rules, plan };
        bringForward();
      },
    ),
    noun: 'registrations',
    localFirst,
    maxHistoryEvents,
    handle(run, change) {
      setHandler(queryRegistrations, () => viewOf(run()));
      handleResolutions(run, () => rules, change);
      bringForward = () =>
        change(...run().items.map((item) => broughtForward(item, rules, Date.now())));
    },
    describe: describeRun,
    continueAsNew: (run) =>
      continueAsNew<typeof registrations>({ rules, registrations: [], carried: run }),
  });
}
