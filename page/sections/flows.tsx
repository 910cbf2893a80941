/** Every flow there is, one row each: registrations, workers, folders, ETL runs, schedules. */
import { useMay } from '../state/session.ts';
import { useSeconds } from '../state/clock.ts';
import { change, useStore } from '../state/store.ts';
import type { Views } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useFrozen } from '../parts/frozen.ts';
import { Head } from '../parts/head.tsx';
import { Section } from '../parts/section.tsx';
import { Mark } from '../parts/shape.tsx';
import { isAllPaused, rowsOf, type FlowRow } from './flow-rows.ts';

export function Flows() {
  const words = useWords();
  const flows = useStore(({ views }) => views.flows);
  const overview = useStore(({ views }) => views.overview);
  const rows = rowsOf(overview, flows);
  return (
    <Section id="flows" title={words.flows.title}>
      <Unknowns flows={flows} />
      <Table all={rows} />
    </Section>
  );
}

/** Parts that could not be asked have no rows, or old ones: that is said, and not left out. */
function Unknowns({ flows }: { flows: Views['flows'] | undefined }) {
  const words = useWords();
  const { age } = useFormats();
  const now = useSeconds();
  const kinds = [
    ['worker', flows?.workers],
    ['folder', flows?.folders],
    ['etl', flows?.etlRuns],
    ['schedule', flows?.schedules],
  ] as const;
  const said = new Map<string, string[]>();
  for (const [kind, tile] of kinds) {
    if (tile === undefined || tile.state === 'value') continue;
    const text =
      tile.state === 'unknown'
        ? `${words.tiles.unknown}: ${tile.reason}`
        : words.tiles.stale(age(now - Date.parse(tile.at)), tile.reason);
    said.set(text, [...(said.get(text) ?? []), words.flows.kinds[kind]]);
  }
  return [...said].map(([text, names]) => (
    <p key={text} class="stale">
      <Mark tone="unknown">{`${names.join(', ')}: ${text}`}</Mark>
    </p>
  ));
}

function Table({ all }: { all: FlowRow[] }) {
  const words = useWords();
  const may = useMay('pause');
  const { rows, hold } = useFrozen(all, ({ key }) => key);
  const { columns } = words.flows;
  return (
    <div class="scroll" {...hold}>
      <table>
        <Head
          columns={[
            [columns.name, 'wide'],
            [columns.state],
            [columns.waiting, 'num'],
            [columns.open, 'num less'],
            [columns.failed, 'num'],
            [columns.rate, 'num late'],
          ]}
          acts={may ? columns.actions : undefined}
        />
        <tbody>
          {rows.map((row) => (
            <Row key={row.key} row={row} may={may} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, may }: { row: FlowRow; may: boolean }) {
  const words = useWords();
  const { number, rate, when } = useFormats();
  const timeOf = (at: string): string => when(new Date(at), Date.now());
  const count = (value: number | null): string => (value === null ? words.none : number(value));
  const notes = [
    ...(row.kind === row.name ? [] : [words.flows.kinds[row.kind]]),
    ...(row.nextAt === null ? [] : [words.flows.next(timeOf(row.nextAt))]),
    ...(row.missed > 0 ? [words.flows.missed(row.missed)] : []),
    ...(row.silentSince === null ? [] : [words.flows.silent(timeOf(row.silentSince))]),
    ...(row.why === null ? [] : [row.why]),
  ];
  const { pausable } = row;
  const isAll = useStore(({ views }) => isAllPaused(views.overview));
  const isPaused = row.state === 'paused';
  return (
    <tr>
      <th scope="row" class="wide">
        <bdi>{row.name}</bdi>{' '}
        <small class="beside" title={notes.join(' · ')}>
          {notes.join(' · ')}
        </small>
      </th>
      <td>
        <Mark tone={row.tone}>{words.flows.states[row.state]}</Mark>
      </td>
      <td class="num">{count(row.waiting)}</td>
      <td class="num less">{count(row.open)}</td>
      <td class="num" data-late={row.failed !== null && row.failed > 0}>
        {count(row.failed)}
      </td>
      <td class="num late">{row.perSecond === null ? words.none : rate(row.perSecond)}</td>
      {may && (
        <td class="act">
          {pausable && (
            <button
              class={isPaused ? 'small' : 'small quiet'}
              aria-label={`${isPaused ? words.flows.resume : words.flows.pause} ${row.name}`}
              onClick={() =>
                change({
                  dialog: isPaused
                    ? { kind: 'resume', flow: isAll ? null : row.name }
                    : { kind: 'pause', flow: row.name },
                })
              }
            >
              {isPaused ? words.flows.resume : words.flows.pause}
            </button>
          )}
        </td>
      )}
    </tr>
  );
}
