/** Redrives that run, and the last that ended: seen by everybody alike, whoever began them and wherever. */
import { useSeconds } from '../state/clock.ts';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { Operation } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Known, Section } from '../parts/section.tsx';
import { Mark, type Tone } from '../parts/shape.tsx';

/** One that ended stays in sight for so long: whoever began it may have looked away. */
const KEPT_MS = 15 * 60_000;
/** And one of which nobody knows whether it has ended. */
const UNKNOWN_MS = 24 * 3_600_000;

export function Operations() {
  const words = useWords();
  const now = useSeconds();
  const tile = useStore(({ views }) => views.operations?.operations);
  const all = tile === undefined || tile.state === 'unknown' ? [] : tile.value;
  const shown = all.filter(
    ({ state, result, at }) =>
      state === 'running' ||
      now - Date.parse(result?.at ?? at) < (state === 'ended' ? KEPT_MS : UNKNOWN_MS),
  );
  if (shown.length === 0) return null;
  return (
    <Section id="redrives" title={words.operations.title}>
      <Known tile={tile}>
        {() => (
          <ul class="operations">
            {shown.map((operation) => (
              <One key={operation.id} operation={operation} />
            ))}
          </ul>
        )}
      </Known>
    </Section>
  );
}

function stateOf(operation: Operation, words: ReturnType<typeof useWords>): [Tone, string] {
  if (operation.isStoppedByCanaries) return ['warn', words.operations.stopped];
  if (operation.state === 'running')
    return operation.isWorkerAlive
      ? ['ok', words.operations.running]
      : ['bad', words.operations.noWorker];
  if (operation.state === 'unknown') return ['unknown', words.tiles.unknown];
  return operation.result?.isDone === false
    ? ['bad', words.operations.ended]
    : ['ok', words.operations.ended];
}

function One({ operation }: { operation: Operation }) {
  const words = useWords();
  const { age } = useFormats();
  const now = useSeconds();
  const [tone, word] = stateOf(operation, words);
  const { canaries, on, reason, sent, at, by, flow } = operation;
  const end = operation.result?.text ?? operation.unasked;
  return (
    <li data-state={operation.state}>
      <div class="line">
        <Mark tone={tone}>{word}</Mark>
        <bdi class="why" title={on ?? undefined}>
          {[flow, on].filter(Boolean).join(' · ')}
        </bdi>
        <Buttons operation={operation} />
      </div>
      {canaries !== null && <Canaries canaries={canaries} />}
      <p class="muted">
        {words.operations.sent(sent)} · {words.operations.by(by, age(now - Date.parse(at)))}
        {reason !== null && (
          <>
            {' · '}
            <q>{reason}</q>
          </>
        )}
      </p>
      {end !== null && (
        <p class="why" title={end}>
          {end}
        </p>
      )}
    </li>
  );
}

function Canaries({ canaries }: { canaries: NonNullable<Operation['canaries']> }) {
  const words = useWords();
  const { number } = useFormats();
  const outcomes = Object.entries(canaries.outcomes).map(([kind, count]) =>
    words.operations.outcome(number(count), kind),
  );
  return (
    <div class="canaries">
      <progress
        max={canaries.of}
        value={canaries.settled}
        aria-label={words.operations.canaries(canaries.settled, canaries.of)}
      />
      <span>{words.operations.canaries(canaries.settled, canaries.of)}</span>
      {outcomes.length > 0 && <strong>{outcomes.join(', ')}</strong>}
    </div>
  );
}

function Buttons({ operation }: { operation: Operation }) {
  const words = useWords();
  const mayStop = useMay('stopRedrive');
  const mayBegin = useMay('redrive');
  const { flow, order, on } = operation;
  if (operation.state === 'running')
    return mayStop ? (
      <button class="small" onClick={() => change({ dialog: { kind: 'stop', flow } })}>
        {words.operations.stop}
      </button>
    ) : null;
  if (!operation.isStoppedByCanaries || order === null || !mayBegin) return null;
  const choice = { flow, class: order.class, group: order.group, ids: [] };
  const title = on ?? flow;
  return (
    <button
      class="small"
      onClick={() => change({ dialog: { kind: 'redrive', choice, title, waiting: 0 } })}
    >
      {words.operations.continue}
    </button>
  );
}
