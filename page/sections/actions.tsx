/** Who did what, the latest first. */
import { useState } from 'preact/hooks';
import { get } from '../state/api.ts';
import { useStore } from '../state/store.ts';
import type { Action, Views } from '../state/types.ts';
import { useWords } from '../words/words.ts';
import { useFrozen } from '../parts/frozen.ts';
import { Head } from '../parts/head.tsx';
import { Known, Section } from '../parts/section.tsx';
import { Shape } from '../parts/shape.tsx';
import { When } from '../parts/time.tsx';

const SHOWN = 5;

export function Actions() {
  const words = useWords();
  const tile = useStore(({ views }) => views.actions?.actions);
  return (
    <Section id="actions" title={words.actions.title}>
      <Known tile={tile}>{(latest) => <List latest={latest} />}</Known>
    </Section>
  );
}

function List({ latest }: { latest: Action[] }) {
  const words = useWords();
  const next = useStore(({ views }) => views.actions?.next ?? null);
  const [isWhole, setWhole] = useState(false);
  const [older, setOlder] = useState<{ actions: Action[]; next: string | null } | null>(null);
  const { rows, hold } = useFrozen(latest, ({ id }) => id);
  if (latest.length === 0) return <p class="empty">{words.actions.none}</p>;
  const known = new Set(rows.map(({ id }) => id));
  const all = [...rows, ...(older?.actions ?? []).filter(({ id }) => !known.has(id))];
  const cursor = older === null ? next : older.next;
  const more = async (): Promise<void> => {
    if (!isWhole) return setWhole(true);
    const answer = await get<Views['actions']>('actions', { query: { cursor } });
    if (!answer.ok || answer.value.actions.state === 'unknown') return;
    setOlder({
      actions: [...(older?.actions ?? []), ...answer.value.actions.value],
      next: answer.value.next,
    });
  };
  const hasMore = isWhole ? cursor !== null : all.length > SHOWN || cursor !== null;
  const { columns } = words.actions;
  return (
    <div class="scroll" {...hold}>
      <table class="actions">
        <Head
          columns={[
            [columns.at],
            [columns.by],
            [columns.what],
            [columns.reason, 'wide'],
            [columns.result, 'half'],
          ]}
        />
        <tbody>
          {(isWhole ? all : all.slice(0, SHOWN)).map((action) => (
            <Row key={action.id} action={action} />
          ))}
        </tbody>
      </table>
      {hasMore && (
        <button class="small more" onClick={() => void more()}>
          {words.actions.more}
        </button>
      )}
    </div>
  );
}

function Row({ action }: { action: Action }) {
  const words = useWords();
  const { at, by, what, on, reason, result } = action;
  return (
    <tr>
      <td>
        <When at={at} />
      </td>
      <td title={by}>
        <bdi>{by}</bdi>
      </td>
      <td title={`${what} ${on ?? ''}`}>
        {what} <bdi class="muted">{on}</bdi>
      </td>
      <td class="wide why" title={reason ?? undefined}>
        {reason === null ? words.none : <bdi>{reason}</bdi>}
      </td>
      <td class="half why" title={result?.text ?? words.actions.goesOn}>
        {result?.isDone === false && <Shape tone="bad" />}
        <bdi>{result === null ? '…' : result.text}</bdi>
      </td>
    </tr>
  );
}
