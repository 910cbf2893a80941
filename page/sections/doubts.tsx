/** Decisions that wait for a person: oldest first. */
import { useSeconds } from '../state/clock.ts';
import { go } from '../state/go.ts';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { Doubt } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useFrozen } from '../parts/frozen.ts';
import { Head } from '../parts/head.tsx';
import { Known, Section } from '../parts/section.tsx';
import { Shape } from '../parts/shape.tsx';

/** Whoever waits for a word longer than this has waited too long. */
const LATE_MS = 10 * 60_000;
const SHOWN = 8;

const keyOf = ({ id, generation, submission }: Doubt): string =>
  `${id}/${generation}/${submission}`;

export function Doubts() {
  const words = useWords();
  const { number } = useFormats();
  const may = useMay('decide');
  const tile = useStore(({ views }) => views.doubts?.doubts);
  const known = tile === undefined || tile.state === 'unknown' ? null : tile.value;
  const count = known?.all ?? 0;
  return (
    <Section
      id="doubts"
      title={words.doubts.title}
      aside={count > 0 ? number(count) : undefined}
      tools={
        may && known !== null && known.oldest.length > 1 ? (
          <button
            class="small quiet"
            onClick={() => change({ dialog: { kind: 'decide', doubts: known.oldest } })}
          >
            {words.doubts.abandonAll}
          </button>
        ) : undefined
      }
    >
      <Known tile={tile}>{({ all, oldest }) => <List all={all} oldest={oldest} may={may} />}</Known>
    </Section>
  );
}

function List({ all, oldest, may }: { all: number; oldest: Doubt[]; may: boolean }) {
  const words = useWords();
  const { rows, isGone, waiting, hold } = useFrozen(oldest, keyOf);
  if (rows.length === 0) return <p class="empty good">{words.doubts.none}</p>;
  const shown = rows.slice(0, SHOWN);
  const { columns } = words.doubts;
  return (
    <div class="scroll" {...hold}>
      <table>
        <Head
          columns={[[columns.id], [columns.reason, 'wide'], [columns.age, 'num']]}
          acts={may ? columns.actions : undefined}
        />
        <tbody>
          {shown.map((doubt) => (
            <Row key={keyOf(doubt)} doubt={doubt} may={may} isGone={isGone(doubt)} />
          ))}
        </tbody>
      </table>
      {all > shown.length && <p class="fresh">{words.doubts.over(all, shown.length)}</p>}
      {waiting > 0 && all <= shown.length && <p class="fresh">{words.newRows(waiting)}</p>}
    </div>
  );
}

function Row({ doubt, may, isGone }: { doubt: Doubt; may: boolean; isGone: boolean }) {
  const words = useWords();
  const { age } = useFormats();
  const silent = useSeconds() - Date.parse(doubt.since);
  const isLate = silent > LATE_MS;
  return (
    <tr data-gone={isGone}>
      <th scope="row">
        <button class="row mono" data-row title={doubt.id} onClick={() => go({ item: doubt.id })}>
          <bdi>{doubt.id}</bdi>
        </button>
      </th>
      <td class="wide why" title={doubt.reason}>
        <bdi>{doubt.reason}</bdi>
      </td>
      <td class="num" data-late={isLate}>
        {isLate && <Shape tone="bad" />}
        <time dateTime={doubt.since} title={doubt.since}>
          {age(silent)}
        </time>
      </td>
      {may && (
        <td class="act">
          <button
            class="small"
            aria-label={`${words.doubts.decide} ${doubt.id}`}
            onClick={() => change({ dialog: { kind: 'decide', doubts: [doubt] } })}
          >
            {words.doubts.decide}
          </button>
        </td>
      )}
    </tr>
  );
}
