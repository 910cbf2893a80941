/** Runs a scenario in a world of its own, and tidies up after it. */
import { draw } from '../../src/simulator/draw.ts';
import { endAll } from '../helpers/servers.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export type Circumstances = Pick<World, 'seed' | 'isQuick' | 'options' | 'tell'>;

/** What is to be done after each scenario that is under way. */
const underWay = new Set<Hooks>();

type Hooks = (() => Promise<void> | void)[];

/** For who is interrupted: scenarios that go on meanwhile find their servers gone. Never throws. */
export async function abandonAll(): Promise<void> {
  await Promise.all([...underWay].map((hooks) => endAll(hooks)));
}

/** @throws what the scenario throws, or AggregateError when it went well and could not be tidied up */
export async function trial(scenario: Scenario, circumstances: Circumstances): Promise<Trial> {
  const { name } = scenario;
  const { seed } = circumstances;
  const hooks: Hooks = [];
  underWay.add(hooks);
  let drawn = 0;
  const world: World & { passed: boolean } = {
    ...circumstances,
    random: () => draw(seed, name, 'fault', drawn++),
    after: (hook) => void hooks.push(hook),
    afterEach: () => {},
    // As the context of a test has it: helpers tell the logs of what failed.
    passed: true,
  };
  try {
    return await scenario.run(world);
  } catch (error) {
    world.passed = false;
    throw error;
  } finally {
    underWay.delete(hooks);
    await tidyUp(hooks, world.passed);
  }
}

async function tidyUp(hooks: Hooks, passed: boolean): Promise<void> {
  const failures = await endAll(hooks);
  // What the scenario itself has thrown says more.
  if (passed && failures.length > 0) {
    const [cause] = failures;
    throw new AggregateError(failures, 'not all could be tidied up', { cause });
  }
}
