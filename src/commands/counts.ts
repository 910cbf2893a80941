/** `status` without an id. */
import type { Command } from 'commander';
import type { QueueDepth } from '../broker/rabbitmq/queues.ts';
import type { SeenProcess } from '../coordination/processes.ts';
import {
  readCounts,
  type ClaimCounts,
  type Counts,
  type IntakeFacts,
  type Progress,
} from '../operations/counts.ts';
import type { WorkerCounts } from '../operations/worker-counts.ts';
import { reachOf, type Part } from '../operations/reach.ts';
import { answer, load } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { columns, line, number, paint, table, when } from './table.ts';

export async function overall(command: Command): Promise<void> {
  const { config } = load(command);
  const counts = await readCounts(config, reachOf(config));
  const { queues, registrations } = counts;
  const plain = <T>(each: Part<T>) => (each.ok ? each.value : { error: each.error });
  const workers =
    counts.workers?.map(({ waiting, ...each }) => {
      return { ...each, waiting: waiting === null ? null : plain(waiting) };
    }) ?? null;
  const facts = {
    ...{ ...counts, workers },
    ...{ queues: plain(queues), registrations: plain(registrations) },
  };
  answer(command, facts, () => countsText(counts, config.ops.enabled));
  if (!queues.ok || !registrations.ok)
    throw new CommandError(
      'Not all could be asked: "despachante doctor" tells more',
      EXIT.unavailable,
    );
}

/** @param areAllTold else workers of registrations alone say that they run: by that they share the limits */
function countsText(counts: Counts, areAllTold: boolean): string {
  const { progress, intake, queues, registrations, processes, workers } = counts;
  return [
    ...(progress === null ? [] : [progressText(progress, intake)]),
    queues.ok ? queuesText(queues.value) : paint.red(line(queues.error)),
    registrations.ok ? claimsText(registrations.value) : paint.red(line(registrations.error)),
    ...(workers === null || workers.length === 0 ? [] : [workersText(workers)]),
    ...(processes === null ? [] : [processesText(processes, areAllTold)]),
  ].join('\n\n');
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
  table(
    ['queue', 'messages', 'consumers'],
    Object.entries(queues).map(([name, depth]) =>
      depth === null
        ? [name, 'not there yet']
        : [name, number(depth.messages), number(depth.consumers)],
    ),
  );

const claimsText = ({ open, inDoubt, settled, setAside }: ClaimCounts): string =>
  columns([
    [paint.bold('registrations'), ''],
    ['open', number(open)],
    ['  of them in doubt', inDoubt === 0 ? '0' : paint.yellow(number(inDoubt))],
    ...Object.entries(settled).map(([kind, count]) => [kind, number(count)]),
    ...(setAside === 0 ? [] : [['set aside', paint.red(number(setAside))]]),
  ]);

function workersText(workers: readonly WorkerCounts[]): string {
  const rows = workers.map((each) => [
    line(each.worker),
    each.waiting === null ? 'unknown' : each.waiting.ok ? number(each.waiting.value) : 'not asked',
    number(each.open),
    each.running === null ? 'unknown' : number(each.running),
    each.dead === 0 ? '0' : paint.yellow(number(each.dead)),
    `${number(each.perSecond)} a second`,
    processesOf(each),
    each.paused === null
      ? ''
      : paint.yellow(`paused: ${line(each.paused.reason)} (${line(each.paused.by)})`),
  ]);
  const head = ['worker', 'waiting', 'open', 'running', 'dead', 'settled', 'processes', ''];
  const trouble = workers.flatMap(({ worker, waiting }) =>
    waiting === null || waiting.ok ? [] : [paint.red(line(`${worker}: ${waiting.error}`))],
  );
  return [table(head, rows), ...trouble].join('\n');
}

function processesOf({ processes }: WorkerCounts): string {
  if (processes === null) return 'unknown';
  return processes === 0 ? paint.yellow('none runs it') : number(processes);
}

const UNTOLD = 'Intakes and task workers do not say that they run: OPS_ENABLED is false';

/** What a process has not said is not there, and never a zero. */
function processesText(processes: readonly SeenProcess[], areAllTold: boolean): string {
  if (processes.length === 0) return areAllTold ? 'No process has run within a day' : UNTOLD;
  const rows = processes.map((each) => [
    ...[each.role, `${line(each.host)}:${each.pid}`, line(each.version), when(each.since)],
    beatText(each),
    // Of one that is gone they say nothing any more.
    ...(each.state === 'alive' ? [loadText(each), sufferingText(each)] : []),
  ]);
  const head = ['process', 'at', 'version', 'since', 'last beat', 'load', 'suffers'];
  return [table(head, rows), ...(areAllTold ? [] : [UNTOLD])].join('\n');
}

function beatText({ state, silentMs, stoppedAt }: SeenProcess): string {
  const ago = `${number(Math.max(0, Math.round(silentMs / 1_000)))} s ago`;
  switch (state) {
    case 'alive':
      return ago;
    case 'offline':
      return `${paint.red('OFFLINE')}, ${ago}`;
    case 'stopped':
      return `stopped ${when(stoppedAt)}`;
  }
}

function loadText({ endpoints = {}, sources, vitals }: SeenProcess): string {
  const said = Object.entries(endpoints).map(
    ([name, { onTheWire, share }]) => `${onTheWire} of ${share} requests to ${line(name)}`,
  );
  for (const { name, deliveries, worker } of sources) {
    if (worker === undefined) said.push(`${number(deliveries)} deliveries in hand`);
    else said.push(`${line(name)} ${worker.calls} of ${worker.concurrency} calls`);
  }
  if (vitals !== null) {
    said.push(`${number(Math.round(vitals.rss / 2 ** 20))} MiB`);
    said.push(`${number(Math.round(vitals.loopDelayMs))} ms late`);
  }
  return said.join(', ') || '–';
}

function sufferingText({ suffers, sources, endpoints = {} }: SeenProcess): string {
  const waits = Object.values(endpoints).map(({ waitReason }) => waitReason);
  const closed = sources.map(({ name, closedBy, worker }) =>
    closedBy === null || worker === undefined ? closedBy : `${name} ${closedBy}`,
  );
  const words = [suffers, ...closed, ...waits].flatMap((each) =>
    each === null ? [] : [line(each)],
  );
  return words.length === 0 ? '–' : paint.yellow(words.join('; '));
}
