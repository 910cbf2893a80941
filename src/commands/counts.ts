import type { Command } from 'commander';
import type { QueueDepth } from '../broker/rabbitmq/queue-depths.ts';
import { readCounts, type IntakeFacts, type Progress } from '../operations/counts.ts';
import type { Part } from '../operations/part.ts';
import { reachOf } from '../operations/reach.ts';
import type { ClaimCounts } from '../operations/tally.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { processesText } from './processes-text.ts';
import { columns, line, number, paint, when } from './table.ts';

/** `status` without an id. */
export async function overall(command: Command): Promise<void> {
  const { config } = load(command);
  const counts = await readCounts(config, reachOf(config));
  const { progress, intake, queues, registrations, processes } = counts;
  if (globals(command).json === true) {
    const plain = <T>(each: Part<T>) => (each.ok ? each.value : { error: each.error });
    printJson({
      ...{ progress, intake, processes },
      ...{ queues: plain(queues), registrations: plain(registrations) },
    });
  } else {
    if (progress !== null) print(`${progressText(progress, intake)}\n`);
    print(queues.ok ? queuesText(queues.value) : paint.red(line(queues.error)));
    print('');
    print(
      registrations.ok ? claimsText(registrations.value) : paint.red(line(registrations.error)),
    );
    if (processes !== null) print(`\n${processesText(processes)}`);
  }
  if (!queues.ok || !registrations.ok) {
    throw new CommandError('Not all could be asked: "despachante doctor" tells more', EXIT.failed);
  }
}

function progressText(progress: Progress, intake: IntakeFacts | null): string {
  const { waiting, inFlight, perSecond, clearInSeconds } = progress;
  const closed = Object.entries(intake?.closedBy ?? {});
  return columns([
    [paint.bold('now'), ''],
    ['waiting', number(waiting)],
    ['in flight', number(inFlight)],
    ['in doubt', progress.inDoubt === 0 ? '0' : paint.yellow(number(progress.inDoubt))],
    ['failed', number(progress.failed)],
    ['rate', `${number(perSecond)} settled a second`],
    ['clear', waiting + inFlight === 0 ? 'now' : clearText(clearInSeconds, closed.length > 0)],
    ...closed.map(([by, why]) => [
      'intake closed by',
      paint.yellow(`${by}: ${line(why)}${sinceText(by, intake)}`),
    ]),
  ]);
}

const sinceText = (by: string, intake: IntakeFacts | null): string =>
  by === 'paused' && intake?.paused ? `, since ${when(intake.paused.at)}` : '';

function clearText(seconds: number | null, isClosed: boolean): string {
  if (isClosed) return 'not while intake is closed';
  if (seconds === null) return 'unknown: nothing was settled within the last minute';
  const at = when(new Date(Date.now() + seconds * 1_000));
  const left = seconds < 120 ? `${number(seconds)} s` : `${number(Math.ceil(seconds / 60))} min`;
  return `in ${left}, at ${at}, if nothing more comes`;
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

const claimsText = ({ open, inDoubt, settled, setAside }: ClaimCounts): string =>
  columns([
    [paint.bold('registrations'), ''],
    ['open', number(open)],
    ['  of them in doubt', inDoubt === 0 ? '0' : paint.yellow(number(inDoubt))],
    ...Object.entries(settled).map(([kind, count]) => [kind, number(count)]),
    ...(setAside === 0 ? [] : [['set aside', paint.red(number(setAside))]]),
  ]);
