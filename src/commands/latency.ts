import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { quantileOf, weightIn, weightOf, type Latencies } from '../domain/registrations/latency.ts';
import {
  byPlan,
  costOf,
  doubling,
  everySecond,
  type Cost,
} from '../domain/registrations/learned-plan.ts';
import { planOf } from '../registrations/rules.ts';
import { answer, load } from './context.ts';
import { withStore } from '../registrations/neighbours.ts';
import { taskLatency } from '../operations/task-latency.ts';
import { columns, line, number, paint, table, when } from './table.ts';
import { legacyEndpoint } from '../config/endpoint.ts';
import { examples } from './examples.ts';

export function addLatency(program: Command): void {
  program
    .command('latency')
    .option('--worker <name>', 'how long the tasks of this worker took, within the last hour')
    .addHelpText(
      'after',
      examples(
        ['The legacy system', 'despachante latency'],
        ['The tasks of a worker', 'despachante latency --worker EmailWorker'],
        ['Half of all are done after so many ms', 'despachante latency --json | jq .quantiles.p50'],
      ),
    )
    .action(async ({ worker }: { worker?: string }, command: Command) => {
      const { config } = load(command);
      if (worker !== undefined) {
        const found = await withStore(config, ({ own, clock }) =>
          taskLatency(own, worker, clock.now()),
        );
        return answer(command, found, () => taskText(found));
      }
      const facts = factsOf(config, await withStore(config, ({ latencies }) => latencies.read()));
      answer(command, facts, () => textOf(facts, process.stdout.columns ?? 80));
    });
}

type TaskLatency = Awaited<ReturnType<typeof taskLatency>>;
type Facts = ReturnType<typeof factsOf>;

const QUANTILES = { p1: 0.01, p5: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95, p99: 0.99 };
const ROWS = 16;

/** Times in ms; before anything was seen, what the configuration expects. */
export function factsOf(config: Config, known: Latencies) {
  const plan = planOf(config, known);
  return {
    endpoint: legacyEndpoint(config).address,
    observations: known.count,
    lastAt: known.at === 0 ? null : new Date(known.at),
    planIs: known.at === 0 ? 'expected' : 'learned',
    quantiles: Object.fromEntries(
      Object.entries(QUANTILES).map(([name, q]) => [name, Math.round(quantileOf(known, q))]),
    ),
    histogram: histogramOf(known),
    plan,
    expected: {
      plan: rounded(costOf(byPlan(plan), known)),
      everySecond: rounded(costOf(everySecond, known)),
      doubling: rounded(costOf(doubling, known)),
    },
  };
}

const rounded = ({ gets, lag }: Cost): Cost => ({
  gets: Math.round(gets * 100) / 100,
  lag: Math.round(lag),
});

/** Rows of equal width, or of equal ratio where the slowest take many times as long as the fastest. */
function histogramOf(known: Latencies): { from: number; to: number; share: number }[] {
  const first = quantileOf(known, 0.005);
  const last = Math.max(quantileOf(known, 0.995), first + 1);
  const isWide = last / Math.max(first, 1) > 8;
  const edge = (n: number): number =>
    isWide
      ? Math.max(first, 1) * (last / Math.max(first, 1)) ** (n / ROWS)
      : first + ((last - first) * n) / ROWS;
  const total = weightOf(known);
  return Array.from({ length: ROWS }, (_, n) => {
    const [from, to] = [edge(n), edge(n + 1)];
    const share = weightIn(known, from, to) / total;
    return { from: Math.round(from), to: Math.round(to), share: Math.round(share * 1e4) / 1e4 };
  });
}

function textOf(facts: Facts, width: number): string {
  const { plan, expected, observations, lastAt, planIs } = facts;
  const most = Math.max(...facts.histogram.map(({ share }) => share));
  const room = Math.max(10, Math.min(60, width - 36));
  const rows = facts.histogram.map(({ from, to, share }) => [
    `${time(from)} – ${time(to)}`,
    `${(100 * share).toFixed(1)} %`.padStart(6),
    paint.cyan(bar((share / most) * room)),
  ]);
  const seen =
    lastAt === null
      ? 'nothing seen yet: what the configuration expects'
      : `${number(observations)} observations, the last ${when(lastAt)}; recent ones weigh most`;
  return [
    `${paint.bold('From accepted to done')}  ${facts.endpoint}`,
    paint.dim(seen),
    '',
    columns(rows),
    '',
    Object.entries(facts.quantiles)
      .map(([name, ms]) => `${paint.dim(name)} ${time(ms)}`)
      .join('  '),
    '',
    `${paint.bold(`Plan of new runs, ${planIs}`)}  ${plan.offsets.map(time).join(', ')}`,
    paint.dim(`then after ${time(plan.tail)}, growing by half up to ${time(plan.longest)}`),
    '',
    table(
      ['expected', 'GETs each', 'lag'],
      [
        ['this plan', ...costCells(expected.plan)],
        ['each second', ...costCells(expected.everySecond)],
        ['1, 2, 4, 8 … s', ...costCells(expected.doubling)],
      ],
    ),
  ].join('\n');
}

function taskText({ worker, settled, handler, whole }: TaskLatency): string {
  if (settled === 0) return `No task of ${line(worker)} was settled within the last hour`;
  const cells = (times: TaskLatency['whole']) =>
    Object.values(times).map((each) => (each === null ? '–' : time(each)));
  return [
    table(
      [`${number(settled)} tasks of ${line(worker)}`, 'p50', 'p95', 'p99'],
      [
        ['the last call of the handler', ...cells(handler)],
        ['from the delivery to the end', ...cells(whole)],
      ],
    ),
    paint.dim('of the last 1,000 at most that were settled within an hour'),
  ].join('\n');
}

const costCells = ({ gets, lag }: Cost): string[] => [gets.toFixed(1), time(lag)];

/** `12.5 s`, `430 ms`, `3.2 min` */
export function time(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** Eighths of a character. */
function bar(length: number): string {
  const eighths = Math.round(length * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (' ▏▎▍▌▋▊▉'[eighths % 8] ?? '').trim();
}
