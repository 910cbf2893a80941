/** `failures redrive`: back to the intake queue, and out of the failure queue once that is confirmed. */
import type { Command } from 'commander';
import type { Config } from '../config-schema.ts';
import type { FailureMessage, FailureQueue } from '../failure-queue.ts';
import { silent } from '../log.ts';
import { publishAll } from '../publish.ts';
import { createPublisher } from '../rabbit-publisher.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { isMeant, notFound, shownId, withFailures } from './failure-selection.ts';
import type { Selection } from './failure-selection.ts';
import { line, number } from './table.ts';

export async function redrive(
  id: string | undefined,
  options: Selection & { all?: boolean },
  command: Command,
) {
  if ((id === undefined) === (options.all !== true)) {
    throw new CommandError('Name one registration, or say --all', EXIT.usage);
  }
  const { config } = load(command);
  const { amqpUrl: url, rabbit } = config;
  const redriven: { id: string | null; class: string | null }[] = [];
  const { left, failed, reason } = await withFailures(config, async (queue) => {
    const log = silent;
    const name = 'despachante redrive';
    const publisher = await createPublisher({ url, heartbeatMs: rabbit.heartbeat, name, log });
    const result = await publishAll({
      publisher,
      queue: rabbit.intakeQueue,
      messages: matching(queue, id, options, config),
      window: 100,
      onConfirmed(failure) {
        queue.ack(failure);
        redriven.push({ id: shownId(failure, config), class: failure.failureClass });
      },
    }).finally(() => publisher.close());
    return { ...result, left: queue.depth - result.confirmed };
  });
  if (id !== undefined && redriven.length === 0 && failed === 0) throw notFound(id);
  if (globals(command).json === true) printJson({ redriven, failed, reason, left });
  else {
    for (const each of redriven.slice(0, SHOWN))
      print(`${each.class ?? '–'}  ${line(each.id ?? '–')}`);
    if (redriven.length > SHOWN) print(`… and ${number(redriven.length - SHOWN)} more`);
    print(
      `Sent ${number(redriven.length)} to "${rabbit.intakeQueue}" again; ${number(left)} left in the failure queue`,
    );
  }
  if (failed > 0) {
    throw new CommandError(
      `${number(failed)} not confirmed, the first because: ${reason}. They stay in the failure queue; redriving again is harmless`,
    );
  }
}

const SHOWN = 20;

async function* matching(
  queue: FailureQueue,
  id: string | undefined,
  { class: only, limit = Infinity }: Selection,
  config: Config,
): AsyncGenerator<FailureMessage> {
  let count = 0;
  for await (const failure of queue.messages()) {
    if (id !== undefined && !isMeant(failure, id, config)) continue;
    if (only !== undefined && failure.failureClass !== only) continue;
    yield failure;
    if (++count === limit) return;
  }
}
