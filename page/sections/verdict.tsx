/** Is it well? One sentence, a colour, a word and a shape; and all that keeps sources from being taken from. */
import type { ComponentChildren } from 'preact';
import { serverNow, useSeconds } from '../state/clock.ts';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { Breaker, Hold, Overview, Verdict as VerdictValue } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Shape, type Tone } from '../parts/shape.tsx';
import { Age } from '../parts/time.tsx';

/** After so long without a word from the server what stands here may be wrong. */
export const STALE_MS = 15_000;

const TONES: Readonly<Record<VerdictValue['state'], Tone>> = {
  working: 'ok',
  idle: 'idle',
  paused: 'warn',
  held: 'bad',
  'needs-you': 'warn',
  nobody: 'bad',
  unknown: 'unknown',
};

export function Verdict() {
  const words = useWords();
  const { age } = useFormats();
  useSeconds();
  const overview = useStore(({ views }) => views.overview);
  const heardAt = useStore((state) => state.heardAt);
  const may = useMay('pause');
  const silent = heardAt === null ? 0 : Date.now() - heardAt;
  const isStale = silent > STALE_MS;
  const verdict = overview?.verdict;
  const tone = verdict === undefined || isStale ? 'unknown' : TONES[verdict.state];
  const word = verdict === undefined ? 'loading' : isStale ? 'unknown' : verdict.state;
  return (
    <section
      class="verdict"
      data-tone={tone}
      data-state={word}
      aria-label={words.verdict.words[word]}
    >
      <Shape tone={tone} />
      <div class="said">
        {/* Numbers and ages stay silent: only another word is read out. */}
        <h1>
          <span role="status">{words.verdict.words[word]}</span>
        </h1>
        <p>
          {verdict === undefined || overview === undefined ? (
            words.verdict.loading
          ) : isStale ? (
            `${words.link.lost}: ${words.link.stale(age(silent))}`
          ) : (
            <Sentence verdict={verdict} overview={overview} />
          )}
        </p>
      </div>
      {may && overview !== undefined && (
        <div class="tools">
          {verdict?.state === 'paused' && (
            <button
              class="primary"
              onClick={() =>
                change({ dialog: { kind: 'resume', flow: verdict.sources[0] ?? null } })
              }
            >
              {words.flows.resume}
            </button>
          )}
          <button onClick={() => change({ dialog: { kind: 'pause', flow: null } })}>
            {words.flows.pauseAll}
          </button>
        </div>
      )}
    </section>
  );
}

function Sentence({
  verdict,
  overview,
}: {
  verdict: VerdictValue;
  overview: Overview;
}): ComponentChildren {
  const words = useWords();
  const { rate } = useFormats();
  const { perSecond } = overview;
  switch (verdict.state) {
    case 'working':
      // The rate is that of registrations: it may be others that work.
      return perSecond.state === 'unknown' || perSecond.value === 0
        ? words.verdict.workingQuietly
        : words.verdict.working(rate(perSecond.value));
    case 'idle':
      return words.verdict.idle;
    case 'nobody':
      return words.verdict.nobody[verdict.missing](verdict.worker ?? '');
    case 'needs-you':
      return `${words.verdict.needsYou(verdict.inDoubt, verdict.setAside)}.`;
    case 'unknown':
      return (
        <>
          {verdict.reason} · <Since at={verdict.since} />
        </>
      );
    case 'paused':
      return (
        <>
          {words.verdict.pausedBy(verdict.by)}: <q>{verdict.reason}</q> ·{' '}
          {verdict.sources.length > 0 && `${verdict.sources.join(', ')} · `}
          <Since at={verdict.since} />
        </>
      );
    case 'held':
      return <Held verdict={verdict} breakers={valueOf(overview.breakers)} />;
  }
}

function Held({
  verdict,
  breakers,
}: {
  verdict: Extract<VerdictValue, { state: 'held' }>;
  breakers: Breaker[];
}) {
  const words = useWords();
  const breaker =
    verdict.by === 'breaker' ? breakers.find(({ state }) => state !== 'closed') : undefined;
  return (
    <>
      {words.verdict.held[verdict.by]}: {breaker?.reason ?? verdict.reason}
      {verdict.since !== null && (
        <>
          {' · '}
          <Since at={verdict.since} />
        </>
      )}
      {breaker !== undefined && <Probe breaker={breaker} />}
    </>
  );
}

export function Probe({ breaker }: { breaker: Breaker }) {
  const words = useWords();
  const { age } = useFormats();
  useSeconds();
  const left = breaker.nextProbeAt === null ? null : Date.parse(breaker.nextProbeAt) - serverNow();
  return (
    <>
      {breaker.trips > 1 && ` · ${words.verdict.trips(breaker.trips)}`}
      {' · '}
      {breaker.state === 'probing' || left === null || left < 0
        ? words.verdict.probing
        : words.verdict.nextProbe(age(left))}
    </>
  );
}

function Since({ at }: { at: string }) {
  const words = useWords();
  const { age } = useFormats();
  const now = useSeconds();
  return (
    <time dateTime={at} title={at}>
      {words.verdict.since(age(now - Date.parse(at)))}
    </time>
  );
}

const valueOf = <T,>(tile: { state: string; value?: T[] }): T[] => tile.value ?? [];

/** All holds but the one that the verdict tells. */
export function Holds() {
  const words = useWords();
  const overview = useStore(({ views }) => views.overview);
  const may = useMay('resume');
  if (overview === undefined || overview.holds.state === 'unknown') return null;
  const holds = overview.holds.value;
  const isTold = ['paused', 'held'].includes(overview.verdict.state);
  if (holds.length < (isTold ? 2 : 1)) return null;
  return (
    <ul class="holds" aria-label={words.holds.title}>
      {holds.map((hold) => (
        <li key={`${hold.source}/${hold.by}`}>
          <Shape tone={hold.by === 'paused' ? 'warn' : 'bad'} />
          <span class="name">{hold.source}</span>
          <span>{words.flows.states[hold.by === 'paused' ? 'paused' : 'held']}</span>
          <span class="why">{hold.reason}</span>
          <HoldEnd hold={hold} />
          {hold.endsByResume && may && (
            <button
              class="small"
              onClick={() =>
                change({ dialog: { kind: 'resume', flow: hold.isOfAll ? null : hold.source } })
              }
            >
              {words.flows.resume}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function HoldEnd({ hold }: { hold: Hold }) {
  const words = useWords();
  return (
    <span class="muted">
      {hold.operator !== null && `${words.holds.by(hold.operator)} `}
      {hold.since !== null && <Age at={hold.since} />}
      {!hold.endsByResume && ` · ${words.verdict.endsBySelf}`}
    </span>
  );
}
