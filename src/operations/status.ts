/** The whole story of one registration, with where its run has it. */
import { queueDepths } from '../broker/rabbitmq/queues.ts';
import type { Config } from '../config/schema.ts';
import type { RegistrationView } from '../domain/registrations/run-input.ts';
import { runLink } from '../temporal/run-link.ts';
import type { RunState } from '../temporal/runs.ts';
import { part, type Part, type Reach } from './reach.ts';
import { readStory } from './story.ts';

export type Status = NonNullable<Awaited<ReturnType<typeof readStatus>>>;

/** Null when nothing is known of the registration. @throws when MongoDB cannot be asked */
export async function readStatus(
  id: string,
  config: Config,
  reach: Pick<Reach, 'store' | 'temporal'>,
) {
  const story = await reach.store((store) => readStory(id, store, config));
  if (story === null) return null;
  const open = story.chapters.find(
    ({ outcome, settledAt, setAside }) => outcome === null && !settledAt && setAside === null,
  );
  const ask = async (workflowId: string) => {
    const { askRun } = await import('../temporal/runs.ts');
    return reach.temporal((client) => askRun(client, workflowId));
  };
  const asked = open && (await part(ask(open.workflowId)));
  const chapters = story.chapters.map((chapter) => {
    return { ...chapter, link: runLink(config, chapter.workflowId) };
  });
  // None is asked where nothing is open.
  return { ...story, chapters, run: asked === undefined ? null : runFacts(asked, story.id) };
}

/** How many wait in the intake queue: what nobody knows may be among them. 0 where it cannot be asked. */
export async function waitingForIntake(
  { rabbit: { intakeQueue } }: Config,
  reach: Pick<Reach, 'rabbit'>,
): Promise<number> {
  const depths = await part(reach.rabbit((rabbit) => queueDepths(rabbit, [intakeQueue])));
  return depths.ok ? (depths.value[intakeQueue]?.messages ?? 0) : 0;
}

export type RunFacts =
  | Exclude<RunState, { kind: 'open' }>
  | { kind: 'open'; registration: RegistrationView | null }
  | { kind: 'unknown'; reason: string };

function runFacts(run: Part<RunState>, label: string): RunFacts {
  if (!run.ok) return { kind: 'unknown', reason: run.error };
  if (run.value.kind !== 'open') return run.value;
  const registration = run.value.view.open.find(({ id }) => id === label) ?? null;
  return { kind: 'open', registration };
}
