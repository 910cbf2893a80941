/** How much, until when, and whether it is late. */
import type { ComponentChildren } from 'preact';
import { serverNow, useSeconds } from '../state/clock.ts';
import { useStore } from '../state/store.ts';
import type { Minute, Overview, Tile } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Spark } from '../parts/spark.tsx';
import { STALE_MS } from './verdict.tsx';

type Series = Exclude<keyof Minute, 'at'>;

interface CellProps<T> {
  id: string;
  label: string;
  tile: Tile<T> | undefined;
  show: (value: T) => ComponentChildren;
  /** Below the value. */
  note?: (value: T) => string | null;
  /** Whether the value is one to look at. */
  isLoud?: (value: T) => boolean;
  series?: { name: Series; text: (value: number) => string };
}

function Cell<T>({ id, label, tile, show, note, isLoud, series }: CellProps<T>) {
  const words = useWords();
  const { age } = useFormats();
  const minutes = useStore(({ views }) => views.overview?.minutes);
  const heardAt = useStore((state) => state.heardAt);
  const now = useSeconds();
  const isSilent = heardAt !== null && Date.now() - heardAt > STALE_MS;
  const state =
    tile === undefined ? 'loading' : isSilent && tile.state === 'value' ? 'stale' : tile.state;
  const value =
    tile === undefined || tile.state === 'unknown' ? null : { is: tile.value, at: tile.at };
  const below =
    tile === undefined
      ? null
      : tile.state === 'unknown'
        ? tile.reason
        : state === 'stale'
          ? words.tiles.stale(
              age(now - Date.parse(tile.at)),
              tile.state === 'stale' ? tile.reason : words.link.lost,
            )
          : (note?.(tile.value) ?? null);
  return (
    <div
      class="tile"
      id={`tile-${id}`}
      data-state={state}
      data-loud={value !== null && isLoud?.(value.is) === true}
    >
      <dt>{label}</dt>
      <dd>
        <span class="value">
          {value === null ? (tile === undefined ? ' ' : words.tiles.unknown) : show(value.is)}
        </span>
        {below !== null && (
          <span class="note" title={below}>
            {below}
          </span>
        )}
        {below === null &&
          series !== undefined &&
          minutes !== undefined &&
          minutes.state !== 'unknown' && (
            <Spark
              values={minutes.value.map((minute) => minute[series.name])}
              label={sparkText(minutes.value, series, label, words.tiles.spark)}
            />
          )}
      </dd>
    </div>
  );
}

function sparkText(
  minutes: readonly Minute[],
  { name, text }: NonNullable<CellProps<unknown>['series']>,
  label: string,
  say: (what: string, low: string, high: string) => string,
): string {
  const known = minutes.map((minute) => minute[name]).filter((value) => value !== null);
  return say(label, text(Math.min(...known)), text(Math.max(...known)));
}

/** `isLoud`: one is worth a look already. */
const COUNTS = [
  { id: 'waiting', name: 'waiting', isLoud: false },
  { id: 'in-flight', name: 'inFlight', isLoud: false },
  { id: 'in-doubt', name: 'inDoubt', isLoud: true },
  { id: 'failed', name: 'failed', isLoud: true },
] as const;

export function Tiles() {
  const words = useWords();
  const formats = useFormats();
  const overview: Partial<Overview> = useStore(({ views }) => views.overview) ?? {};
  const { number, rate, duration } = formats;
  const says = words.tiles;
  const some = (count: number): boolean => count > 0;
  const pair = ({ p50, p99 }: { p50: number | null; p99: number | null }): string =>
    [p50, p99].map((ms) => (ms === null ? words.none : duration(ms))).join(' / ');
  return (
    <dl class="tiles" aria-label={says.label}>
      {COUNTS.map(({ id, name, isLoud }) => (
        <Cell
          key={id}
          id={id}
          label={says[name]}
          tile={overview[name]}
          show={number}
          {...(isLoud ? { isLoud: some } : {})}
          series={{ name, text: number }}
        />
      ))}
      <Cell
        id="set-aside"
        label={says.setAside}
        tile={overview.setAside}
        show={number}
        isLoud={some}
      />
      <Cell
        id="rate"
        label={says.rate}
        tile={overview.perSecond}
        show={rate}
        series={{ name: 'perSecond', text: rate }}
      />
      <Clear tile={overview.clearIn} />
      <Cell
        id="lag"
        label={says.lag}
        tile={overview.lag}
        show={pair}
        series={{ name: 'lagP99', text: duration }}
      />
      <Cell
        id="legacy"
        label={says.legacy}
        tile={overview.legacy}
        show={pair}
        note={({ yesterday }) => (yesterday === null ? null : says.yesterday(pair(yesterday)))}
        series={{ name: 'legacyP50', text: duration }}
      />
    </dl>
  );
}

function Clear({ tile }: { tile: Overview['clearIn'] | undefined }) {
  const words = useWords();
  const { when } = useFormats();
  useSeconds();
  const show = (seconds: number | null): string => {
    if (seconds === null) return words.none;
    if (seconds <= 0) return words.tiles.clearNow;
    return when(new Date(serverNow() + seconds * 1_000), serverNow());
  };
  const note = (seconds: number | null): string | null => {
    if (seconds === null) return words.tiles.clearNever;
    return seconds <= 0 ? null : words.tiles.clearNote;
  };
  return <Cell id="clear" label={words.tiles.clear} tile={tile} show={show} note={note} />;
}
