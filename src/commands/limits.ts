import { InvalidArgumentError, type Command } from 'commander';
import { configSchema } from '../config/schema.ts';
import type { LimitsDocument } from '../coordination/control.ts';
import { LIMITS, type LimitName } from '../domain/limits.ts';
import {
  limitFacts,
  readLimits,
  setLimits,
  unsetLimits,
  type LimitFacts,
} from '../operations/limits.ts';
import { withStore } from '../registrations/neighbours.ts';
import type { Store } from '../registrations/store.ts';
import { addSaid, oneOf, saidIn, type SaidOptions } from './arguments.ts';
import { answer, load } from './context.ts';
import { line, number, paint, table } from './table.ts';
import { examples } from './examples.ts';

export function addLimits(program: Command): void {
  const limits = program
    .command('limits')
    .addHelpText(
      'after',
      examples(
        ['In force now, and by whom it is used', 'despachante limits show'],
        [
          'At most 50 POSTs a second, by all workers together',
          'despachante limits set maxSubmitsPerSecond=50',
        ],
        ['Back to the configuration', 'despachante limits unset'],
      ),
    );
  limits
    .command('show', { isDefault: true })
    .description('the limits in force, their origin, and who uses them')
    .addHelpText(
      'after',
      examples(
        ['All limits', 'despachante limits show'],
        [
          'Only the values in force',
          "despachante limits show --json | jq '.limits[] | {limit, inForce}'",
        ],
      ),
    )
    .action(show);
  addSaid(limits.command('set'))
    .description('set limits for all workers, until "unset"; they count within seconds')
    .argument('<limit=value...>', `of ${LIMITS.join(', ')}; "none" for no limit`, settings)
    .addHelpText(
      'after',
      `
Kept in MongoDB, and stronger than the configuration.
${examples(
  ['Two at once', 'despachante limits set maxSubmitsPerSecond=50 maxInFlight=2000'],
  [
    'No limit, with the reason',
    'despachante limits set maxInFlight=none --reason "the nightly run is over"',
  ],
)}`,
    )
    .action((values: Settings, options: SaidOptions, command: Command) =>
      change(command, (store) => setLimits(store, values, saidIn(options))),
    );
  addSaid(limits.command('unset'))
    .description('have the configuration count again')
    .argument('[limits...]', `of ${LIMITS.join(', ')}; all where none is named`, names)
    .addHelpText(
      'after',
      examples(
        ['One of them', 'despachante limits unset maxSubmitsPerSecond'],
        ['All of them', 'despachante limits unset'],
      ),
    )
    .action((named: LimitName[], options: SaidOptions, command: Command) =>
      change(command, (store) =>
        unsetLimits(store, named.length > 0 ? named : LIMITS, saidIn(options)),
      ),
    );
}

type Settings = LimitsDocument['values'];

function settings(text: string, before: Settings = {}): Settings {
  const [name = '', value = '', ...more] = text.split('=');
  if (value === '' || more.length > 0) {
    throw new InvalidArgumentError('Expected a limit and its value, such as maxInFlight=2000.');
  }
  const limit = limitNamed(name);
  const checked = SECTION.shape[limit].safeParse(value === 'none' ? null : Number(value));
  if (!checked.success) {
    const none = limit === 'maxConcurrent' ? '' : ', or none';
    throw new InvalidArgumentError(
      `${limit}: expected ${checked.error.issues[0]?.message ?? 'a number'}${none}.`,
    );
  }
  return { ...before, [limit]: checked.data };
}

/** The limits of the limits are those of the configuration. */
const SECTION = configSchema.unwrap().shape.legacy.unwrap().unwrap();

const names = (text: string, before: LimitName[] = []): LimitName[] => [
  ...before,
  limitNamed(text),
];

const limitNamed = (text: string): LimitName => oneOf(LIMITS)(text.replace(/^legacy\./, ''));

async function change(command: Command, work: (store: Store) => Promise<void>): Promise<void> {
  const { config } = load(command);
  const changed = async (store: Store) => {
    await work(store);
    return limitFacts(config, await store.control.read(), null);
  };
  const facts = await withStore(config, changed, 'writer');
  answer(command, facts, () => textOf(facts), 'despachante latency');
}

async function show(_: unknown, command: Command): Promise<void> {
  const { config } = load(command);
  const facts = await withStore(config, (store) => readLimits(config, store));
  answer(command, facts, () => textOf(facts));
}

function textOf({ limits, inFlight, workers }: LimitFacts): string {
  const value = (limit: number | null) => (limit === null ? 'none' : number(limit));
  const rows = limits.map(({ limit, inForce, configured, set }) => [
    limit,
    set ? paint.yellow(value(inForce)) : value(inForce),
    `${value(configured)}${set ? '  (set while running)' : ''}`,
  ]);
  const shares = workers.map(
    ({ host, pid, share, onTheWire }) =>
      `${line(host)}:${pid} has ${share}, ${onTheWire} on the wire`,
  );
  return [
    table(['limit', 'in force', 'configured'], rows),
    ...(inFlight === null ? [] : [`\n${number(inFlight)} in flight at the legacy system`]),
    shares.length === 0 ? 'No worker is running' : `Workers: ${shares.join('; ')}`,
  ].join('\n');
}
