import type { Command } from 'commander';
import { queueDepths } from '../queue-depths.ts';
import type { QueueDepth } from '../queue-depths.ts';
import { countClaims } from '../tally.ts';
import type { ClaimCounts } from '../tally.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { withRabbit } from './broker.ts';
import { part, withStore } from './neighbours.ts';
import type { Part } from './neighbours.ts';
import { columns, line, number, paint } from './table.ts';

/** `status` without an id: how many registrations are where. */
export async function overall(command: Command): Promise<void> {
  const { config } = load(command);
  const { intakeQueue, returnedQueue, failureQueue } = config.rabbit;
  const [queues, claims] = await Promise.all([
    part(
      withRabbit(config, (rabbit) =>
        queueDepths(rabbit, [intakeQueue, returnedQueue, failureQueue]),
      ),
    ),
    part(withStore(config, (store) => countClaims(store, config.legacy.timeout))),
  ]);
  if (globals(command).json === true) {
    const plain = <T>(each: Part<T>) => (each.ok ? each.value : { error: each.error });
    printJson({ queues: plain(queues), registrations: plain(claims) });
  } else {
    print(queues.ok ? queuesText(queues.value) : paint.red(line(queues.error)));
    print('');
    print(claims.ok ? claimsText(claims.value) : paint.red(line(claims.error)));
  }
  if (!queues.ok || !claims.ok) {
    throw new CommandError('Not all could be asked: "despachante doctor" tells more', EXIT.failed);
  }
}

const queuesText = (queues: Record<string, QueueDepth | null>): string =>
  columns([
    ['queue', 'messages', 'consumers'].map((cell) => paint.bold(cell)),
    ...Object.entries(queues).map(([name, depth]) =>
      depth === null
        ? [name, 'not there yet']
        : [name, number(depth.messages), number(depth.consumers)],
    ),
  ]);

const claimsText = ({ open, inDoubt, settled, unroutable }: ClaimCounts): string =>
  columns([
    [paint.bold('registrations'), ''],
    ['open', number(open)],
    ['  of them in doubt', inDoubt === 0 ? '0' : paint.yellow(number(inDoubt))],
    ...Object.entries(settled).map(([kind, count]) => [kind, number(count)]),
    ...(unroutable === 0 ? [] : [['unroutable', paint.red(number(unroutable))]]),
  ]);
