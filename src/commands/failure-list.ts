/** `failures list`: what the failure queue holds, by class and reason, or record by record. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { LateResult } from '../claims/claims.ts';
import { lateResults } from './late-text.ts';
import { globals, load, print, printJson } from './context.ts';
import { matcher, shownId, shownText, withFailures } from '../operations/failure-queue.ts';
import type { Selection } from './failure-selection.ts';
import { columns, line, number, paint, when } from './table.ts';

interface Group {
  class: string | null;
  reason: string | null;
  count: number;
  /** The earliest and the latest x-despachante-at. */
  firstSeen: string | null;
  lastSeen: string | null;
}

interface Listed {
  waiting: number;
  returns: number;
  /** How many match, as far as was read. */
  matching: number;
  /** The largest first. */
  groups: Group[];
  failures: (ReturnType<typeof summary> & { late: LateResult['status'] | null })[];
  /** Of those that match and have timed out: how many the legacy system has finished since. */
  finishedLater: number;
}

/** Single records that are told where nobody said how many. */
const SOME = 100;
const MOST_GROUPS = 40;

export async function list(options: Selection & { each?: boolean }, command: Command) {
  const { config } = load(command);
  const found = await read(options, config);
  if (globals(command).json === true) return printJson(found);
  const { waiting, matching, returns } = found;
  if (matching === 0) {
    const isChosen = [options.class, options.reason, options.olderThan, options.newerThan].some(
      (each) => each !== undefined,
    );
    const others = isChosen
      ? `None of ${number(waiting)} failures is such a one`
      : `${number(waiting)} failures wait, and somebody else is looking at them: try again`;
    print(waiting === 0 ? 'The failure queue is empty' : others);
  } else if (options.each === true || options.limit !== undefined) tellEach(found);
  else tellGroups(found);
  if (found.finishedLater > 0) {
    print(
      paint.yellow(
        `${number(found.finishedLater)} of those that timed out were finished by the legacy system later: redrive them, they are not POSTed again`,
      ),
    );
  }
  // 20 is what a quorum queue of RabbitMQ 4 allows for when nobody said otherwise; then it drops.
  if (returns >= 10) {
    print(
      paint.yellow(
        `Some were handed out ${returns} times: "despachante doctor" tells what the queue allows for`,
      ),
    );
  }
}

async function read(options: Selection, config: Config): Promise<Listed> {
  const timedOut: Pick<FailureMessage, 'claim' | 'failureClass'>[] = [];
  const listed: FailureMessage[] = [];
  const found = await withFailures(config, async (queue) => {
    const matches = matcher([], options, config);
    const groups = new Map<string, Group>();
    const counted = { waiting: queue.depth, returns: 0, matching: 0 };
    for await (const failure of queue.messages()) {
      counted.returns = Math.max(counted.returns, failure.returns);
      if (!matches(failure)) continue;
      counted.matching += 1;
      count(groups, failure);
      const { claim, failureClass } = failure;
      if (failureClass === 'timed-out') timedOut.push({ claim, failureClass });
      if (listed.length < (options.limit ?? SOME)) listed.push(failure);
      if (counted.matching === options.limit) break;
    }
    return { ...counted, groups: [...groups.values()].sort((a, b) => b.count - a.count) };
  });
  const late = await lateResults(timedOut, config);
  const failures = listed.map((failure) => ({
    ...summary(failure, config),
    late: late.get(failure.claim ?? '')?.status ?? null,
  }));
  return { ...found, failures, finishedLater: late.size };
}

function count(groups: Map<string, Group>, failure: FailureMessage): void {
  const { failureClass, reason, at } = failure;
  const key = JSON.stringify([failureClass, reason]);
  const group = groups.get(key) ?? {
    class: failureClass,
    reason,
    count: 0,
    firstSeen: at,
    lastSeen: at,
  };
  group.count += 1;
  // ISO 8601 in UTC, as we write it, sorts as text.
  if (at !== null && (group.firstSeen === null || at < group.firstSeen)) group.firstSeen = at;
  if (at !== null && (group.lastSeen === null || at > group.lastSeen)) group.lastSeen = at;
  groups.set(key, group);
}

function tellGroups({ groups, matching, waiting }: Listed): void {
  const head = ['count', 'class', 'first seen', 'last seen', 'reason'];
  const rows = groups
    .slice(0, MOST_GROUPS)
    .map((each) => [
      number(each.count),
      each.class ?? '–',
      when(each.firstSeen),
      when(each.lastSeen),
      line(each.reason ?? '–').slice(0, 80),
    ]);
  print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
  if (groups.length > rows.length)
    print(paint.dim(`… and ${number(groups.length - rows.length)} more reasons`));
  print(
    paint.dim(
      `${number(matching)} of ${number(waiting)} in the queue; --each tells of single ones`,
    ),
  );
}

function tellEach({ failures, waiting }: Listed): void {
  const head = ['registration', 'class', 'at', 'attempts', 'redriven', 'request', 'reason'];
  const rows = failures.map((each) => [
    line(each.id ?? each.record ?? each.messageId ?? '–'),
    each.class ?? '–',
    when(each.at),
    String(each.attempts ?? '–'),
    String(each.redrive ?? '–'),
    line(each.requestId ?? '–'),
    line(each.reason ?? '–').slice(0, 80) + (each.late === null ? '' : ` (${each.late} later)`),
  ]);
  print(columns([head.map((cell) => paint.bold(cell)), ...rows]));
  if (failures.length < waiting)
    print(paint.dim(`${number(failures.length)} of ${number(waiting)} in the queue`));
}

const summary = (failure: FailureMessage, config: Config) => ({
  id: shownId(failure, config),
  class: failure.failureClass,
  reason: failure.reason,
  at: failure.at,
  attempts: failure.attempts,
  redrive: failure.redrive,
  requestId: failure.requestId,
  record: shownText(failure, failure.name, config),
  messageId: shownText(failure, failure.messageId, config),
});
