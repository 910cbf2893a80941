import { InvalidArgumentError, type Command } from 'commander';
import { capacityFor, type Capacity, type Costs } from '../domain/registrations/capacity.ts';
import { duration, positive, timeOption, wholeNumber } from './arguments.ts';
import { answer, load } from './context.ts';
import { columns, number } from './table.ts';
import { examples } from './examples.ts';

interface PlanOptions {
  rate: number;
  latency: { p50: number; p99: number };
  backlog: number;
  request: number;
}

/**
 * CPU time from bench/results/rate-300.json, a steady stream; memory from latest.json, 10,000 in flight; two cores.
 * `test/commands/plan.test.ts` compares.
 */
export const MEASURED: Costs = {
  workerCpuMs: 2,
  intakeCpuMs: 0.28,
  serversCpuMs: 2.3,
  workerBaseMb: 216,
  workerKbInFlight: 33,
};

const EXPECTED = 'p50=15s,p99=20s';

export function addPlan(program: Command): void {
  program
    .command('plan')
    .requiredOption('--rate <n>', 'registrations a second, sustained', positive)
    .addOption(
      program
        .createOption('--latency <quantiles>', 'of the legacy system, from accepted to done')
        .argParser(quantiles)
        .default(quantiles(EXPECTED), EXPECTED),
    )
    .option('--backlog <n>', 'registrations that wait already', wholeNumber(0), 0)
    .addOption(timeOption('--request <time>', 'of the legacy system, for one request', '50ms'))
    .addHelpText(
      'after',
      `
Arithmetic, from costs measured on one machine of two cores with everything on it (bench/results/rate-300.json); yours
will differ. Processes and the wire are planned to be 60 % full. Little's law: in flight = rate x mean latency. The poll plan, the
batch size and legacy.maxConcurrent (of all workers together) are those of the configuration in force.
${examples(
  [
    '800 a second, with 100,000 that wait already',
    'despachante plan --rate 800 --latency p50=12s,p99=25s --backlog 100000',
  ],
  ['As many workers as it needs', 'despachante plan --rate 800 --json | jq .workers'],
)}`,
    )
    .action((options: PlanOptions, command: Command) => {
      const { config } = load(command);
      const means = {
        plannedPolls: config.legacy.maxGetsPerRegistration,
        requestMs: options.request,
        maxConcurrent: config.legacy.maxConcurrent,
        batchSize: config.intake.batchSize,
      };
      const capacity = capacityFor(options, means, MEASURED);
      answer(command, capacity, () => planText(capacity, { ...options, ...means }));
    });
}

/** `p50=12s,p99=25s`; a number without a unit is seconds. */
function quantiles(text: string): PlanOptions['latency'] {
  const found = /^p50=([^,]+),p99=(.+)$/.exec(text);
  const [p50, p99] = [found?.[1], found?.[2]].map((each) => seconds(each ?? ''));
  if (p50 === undefined || p99 === undefined || p50 <= 0 || p99 < p50) {
    throw new InvalidArgumentError('Expected two quantiles, such as p50=12s,p99=25s.');
  }
  return { p50, p99 };
}

const seconds = (text: string): number => duration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);

function planText(
  needs: Capacity,
  { rate, backlog, maxConcurrent }: { rate: number; backlog: number; maxConcurrent: number },
): string {
  const round = (value: number, digits = 0) => number(Number(value.toFixed(digits)));
  const { cores } = needs;
  const use = (count: number) => `${round(count, 1)} cores in use`;
  const rows = [
    ['in flight', round(needs.inFlight), `mean latency ${round(needs.meanLatencyMs / 1000, 1)} s`],
    ['POSTs a second', round(needs.postsPerSecond), ''],
    ['GETs a second', round(needs.getsPerSecond), `${round(needs.getsPerRegistration, 1)} each`],
    ['requests on the wire', round(needs.onTheWire), wireText(needs, maxConcurrent)],
    [
      'workers',
      round(needs.workers),
      `${use(cores.workers)}, ${round(needs.workerMemoryMb)} MB each`,
    ],
    ['intakes', round(needs.intakes), use(cores.intakes)],
    ['servers', '', `${use(cores.servers)}: Temporal, MongoDB and RabbitMQ together`],
    ['ceiling', round(needs.ceiling), 'registrations a second with these processes'],
  ];
  if (backlog > 0) rows.push(['backlog', round(backlog), backlogText(needs.backlogSeconds)]);
  return `For ${round(rate, 1)} registrations a second:\n${columns(rows, '  ')}`;
}

function wireText({ maxConcurrentNeeded }: Capacity, maxConcurrent: number): string {
  const limit = `on average; legacy.maxConcurrent is ${number(maxConcurrent)}`;
  return maxConcurrentNeeded > maxConcurrent
    ? `${limit}: set it to ${number(maxConcurrentNeeded)} if the legacy system agrees`
    : limit;
}

function backlogText(backlogSeconds: number | null): string {
  if (backlogSeconds === null) return 'never gone at this rate';
  if (backlogSeconds < 120) return `gone after ${number(Math.ceil(backlogSeconds))} s`;
  return `gone after ${number(Math.ceil(backlogSeconds / 60))} min`;
}
