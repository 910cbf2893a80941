/** An operator's word on a registration in doubt, as an update. The journal is read first: what it knows outweighs that word. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { afterSubmit } from '../../src/domain/registrations/after-answer.ts';
import { isIn, type Doubtful, type Item } from '../../src/domain/registrations/item.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import type { Run } from '../../src/domain/run.ts';
import { LOOK_UP } from '../../src/domain/names.ts';
import { resolve } from './steps.ts';
import type { Resolution } from '../../src/domain/registrations/run-input.ts';

const UPDATES = [
  ['confirm', 'A registration in doubt was accepted: go on polling with this requestId'],
  ['resubmit', 'A registration in doubt was not accepted: submit it again'],
  ['abandon', 'Give up a registration in doubt: it goes to the failure queue'],
] as const;

type Action = (typeof UPDATES)[number][0];

/** The updates answer `accepted`, `resubmit`, `abandoned` … */
export function handleResolutions(
  run: () => Run<Item>,
  rules: () => Rules,
  change: (item: Item) => void,
): void {
  const find = (id: string): Doubtful | undefined =>
    run()
      .items.filter(isIn('doubt'))
      .find((item) => item.label === id || item.id === id);

  const validatorOf = (action: Action) => (word: Resolution) => {
    for (const field of ['id', 'operator', 'reason'] as const) {
      if (typeof word?.[field] !== 'string' || word[field].trim() === '') {
        throw refusal(
          `Expected "${field}" to be a text, e.g. {"id": "ana-1", "operator": "rui", "reason": "seen in the legacy system"}`,
        );
      }
    }
    // In the journal this name stands for the look-up.
    if (word.operator.trim() === LOOK_UP)
      throw refusal(`Expected "operator" to be a person: "${LOOK_UP}" is the program itself`);
    if (find(word.id) === undefined)
      throw refusal(`No registration "${word.id}" is in doubt in this run`);
    const { requestId } = word;
    if (action === 'confirm' && (typeof requestId !== 'string' || requestId === ''))
      throw refusal('Expected "requestId": the id that the legacy system gave the registration');
  };

  const handle = (action: Action) => async (word: Resolution) => {
    // A recheck under way may know more: its answer must not be overwritten.
    await condition(() => find(word.id)?.busy !== true);
    const item = find(word.id);
    if (item === undefined) throw refusal(`No registration "${word.id}" is in doubt any more`);
    change({ ...item, busy: true });
    const { operator, reason, requestId = null } = word;
    const { index, entry } = item;
    try {
      // Else a run that is cancelled meanwhile would wait for this registration for ever.
      const answer = await CancellationScope.nonCancellable(() =>
        resolve({ index, entry, action, operator, reason, requestId }),
      );
      change(afterSubmit(item, answer, rules(), Date.now()));
      return answer.kind;
    } catch (error) {
      change({ ...item, busy: false, dueAt: Date.now() });
      throw error;
    }
  };

  for (const [action, description] of UPDATES) {
    const update = defineUpdate<string, [Resolution]>(action);
    setHandler(update, handle(action), { validator: validatorOf(action), description });
  }
}

const refusal = (message: string) => ApplicationFailure.nonRetryable(message, 'Refused');
