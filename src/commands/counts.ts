import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { legacyEndpoint } from '../config/endpoint.ts';
import { pauseOf } from '../coordination/control.ts';
import type { Control } from '../coordination/control.ts';
import { clearIn } from '../domain/backlog.ts';
import { REGISTRATIONS } from '../domain/names.ts';
import { holdsOf } from '../intake/holds.ts';
import { queueDepths } from '../broker/rabbitmq/queue-depths.ts';
import type { QueueDepth } from '../broker/rabbitmq/queue-depths.ts';
import { settleRate } from '../operations/settle-rate.ts';
import { countClaims } from '../operations/tally.ts';
import type { ClaimCounts } from '../operations/tally.ts';
import { CommandError, EXIT, globals, load, print, printJson } from './context.ts';
import { withRabbit } from './broker.ts';
import { part, withStore } from './neighbours.ts';
import type { Part } from './neighbours.ts';
import { columns, line, number, paint, when } from './table.ts';

/** `status` without an id: how many registrations are where, how fast it goes, and when it will be done. */
export async function overall(command: Command): Promise<void> {
  const { config } = load(command);
  const { intakeQueue, returnedQueue, failureQueue } = config.rabbit;
  const [queues, known] = await Promise.all([
    part(
      withRabbit(config, (rabbit) =>
        queueDepths(rabbit, [intakeQueue, returnedQueue, failureQueue]),
      ),
    ),
    part(
      withStore(config, async (store) => ({
        claims: await countClaims(store, config.legacy.timeout),
        perSecond: await settleRate(store),
        control: await store.control.read(),
      })),
    ),
  ]);
  const claims: Part<ClaimCounts> = known.ok ? { ok: true, value: known.value.claims } : known;
  const progress =
    queues.ok && known.ok
      ? progressOf(config, queues.value, known.value.claims, known.value.perSecond)
      : null;
  const intake = known.ok ? intakeFacts(config, known.value.control) : null;
  if (globals(command).json === true) {
    const plain = <T>(each: Part<T>) => (each.ok ? each.value : { error: each.error });
    printJson({ progress, intake, queues: plain(queues), registrations: plain(claims) });
  } else {
    if (progress !== null) print(`${progressText(progress, intake)}\n`);
    print(queues.ok ? queuesText(queues.value) : paint.red(line(queues.error)));
    print('');
    print(claims.ok ? claimsText(claims.value) : paint.red(line(claims.error)));
  }
  if (!queues.ok || !claims.ok) {
    throw new CommandError('Not all could be asked: "despachante doctor" tells more', EXIT.failed);
  }
}

type Progress = ReturnType<typeof progressOf>;

/** `clearInSeconds`: at this rate, if nothing more comes; null when nothing was settled of late. */
function progressOf(
  { rabbit }: Config,
  queues: Record<string, QueueDepth | null>,
  { open, inDoubt, settled }: ClaimCounts,
  perSecond: number,
) {
  const ready = (queue: string) => queues[queue]?.messages ?? 0;
  const waiting = ready(rabbit.intakeQueue) + ready(rabbit.returnedQueue);
  const inFlight = Math.max(0, open - inDoubt);
  const failed = Object.entries(settled)
    .filter(([kind]) => kind !== 'registered')
    .reduce((sum, [, count]) => sum + count, 0);
  const seconds = clearIn({ waiting, inFlight, perSecond });
  return {
    waiting,
    inFlight,
    inDoubt,
    failed,
    perSecond: Math.round(perSecond * 10) / 10,
    clearInSeconds: seconds === null ? null : Math.ceil(seconds),
  };
}

type IntakeFacts = ReturnType<typeof intakeFacts>;

/** What keeps intakes from taking anything, as far as all processes know it. */
function intakeFacts(config: Config, control: Control) {
  const pause = pauseOf(control, REGISTRATIONS);
  return {
    paused: pause === null ? null : { reason: pause.reason, by: pause.by, at: new Date(pause.at) },
    held: holdsOf(control, REGISTRATIONS, legacyEndpoint(config)),
  };
}

function progressText(progress: Progress, intake: IntakeFacts | null): string {
  const { waiting, inFlight, perSecond, clearInSeconds } = progress;
  const held = Object.entries(intake?.held ?? {});
  return columns([
    [paint.bold('now'), ''],
    ['waiting', number(waiting)],
    ['in flight', number(inFlight)],
    ['in doubt', progress.inDoubt === 0 ? '0' : paint.yellow(number(progress.inDoubt))],
    ['failed', number(progress.failed)],
    ['rate', `${number(perSecond)} settled a second`],
    ['clear', waiting + inFlight === 0 ? 'now' : clearText(clearInSeconds, held.length > 0)],
    ...held.map(([by, why]) => [
      'intake held',
      paint.yellow(`${by}: ${line(why)}${sinceText(by, intake)}`),
    ]),
  ]);
}

const sinceText = (by: string, intake: IntakeFacts | null): string =>
  by === 'paused' && intake?.paused ? `, since ${when(intake.paused.at)}` : '';

function clearText(seconds: number | null, isHeld: boolean): string {
  if (isHeld) return 'not while intake is held';
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

const claimsText = ({ open, inDoubt, settled, unroutable }: ClaimCounts): string =>
  columns([
    [paint.bold('registrations'), ''],
    ['open', number(open)],
    ['  of them in doubt', inDoubt === 0 ? '0' : paint.yellow(number(inDoubt))],
    ...Object.entries(settled).map(([kind, count]) => [kind, number(count)]),
    ...(unroutable === 0 ? [] : [['unroutable', paint.red(number(unroutable))]]),
  ]);
