/** Where one item is, and all that happened to it. */
import { useEffect, useState } from 'preact/hooks';
import { get, type Answer } from '../state/api.ts';
import { go } from '../state/go.ts';
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import type { Item, ItemEvent } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Modal } from '../parts/modal.tsx';
import { Mark, type Tone } from '../parts/shape.tsx';

export function Timeline() {
  const id = useStore(({ place }) => place.item);
  return id === null ? null : <Found key={id} id={id} />;
}

/** Between two looks at what has not ended, or is not there yet. */
const LOOK_MS = 5_000;

function Found({ id }: { id: string }) {
  const words = useWords();
  const [answer, setAnswer] = useState<Answer<{ items: Item[] }> | null>(null);
  const [look, setLook] = useState(0);
  // An action of a person may change it.
  const touched = useStore(({ views }) => views.actions);
  useEffect(() => {
    const leaving = new AbortController();
    void get<{ items: Item[] }>('item', { id, signal: leaving.signal }).then((found) => {
      if (!leaving.signal.aborted) setAnswer(found);
    });
    return () => leaving.abort();
  }, [id, touched, look]);
  useEffect(() => {
    const isOver =
      answer?.ok === true && answer.value.items.every(({ state }) => state === 'ended');
    if (answer === null || isOver) return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      // The next one begins with its answer, however long that takes.
      clearInterval(timer);
      setLook((count) => count + 1);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [answer]);
  return (
    <Modal title={id} isSheet onClose={() => go({ item: null })}>
      <button
        class="icon corner"
        data-focus
        aria-label={words.close}
        title={words.close}
        onClick={() => go({ item: null })}
      >
        ×
      </button>
      {answer === null ? (
        <p class="empty">{words.timeline.loading}</p>
      ) : answer.ok ? (
        answer.value.items.map((item) => <One key={`${item.flow}/${item.id}`} item={item} />)
      ) : (
        <p class="empty fault" role="alert">
          {answer.problem.detail}
        </p>
      )}
    </Modal>
  );
}

const TONES: Readonly<Record<Item['state'], Tone>> = {
  open: 'idle',
  'in-doubt': 'warn',
  ended: 'ok',
};

function One({ item }: { item: Item }) {
  const words = useWords();
  const { state, flow, events, run, document: stored } = item;
  const failed = events.findLast(({ kind }) => kind === 'outcome');
  const tone = state === 'ended' && item.record !== null ? 'bad' : TONES[state];
  return (
    <article class="item">
      <p class="line">
        <Mark tone={tone}>{words.timeline.states[state]}</Mark>
        {failed !== undefined && state === 'ended' && <strong>{failed.as}</strong>}
        <span class="muted">{flow}</span>
        {run !== null && <Run run={run} />}
      </p>
      <Buttons item={item} />
      <ol class="events">
        {events.map((event, n) => (
          <Event key={n} event={event} before={events[n - 1]} />
        ))}
      </ol>
      {stored !== null && (
        <>
          <h3>{words.timeline.document}</h3>
          <dl class="pairs">
            {Object.entries(stored).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd class="mono">
                  <bdi>{value}</bdi>
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </article>
  );
}

function Run({ run }: { run: NonNullable<Item['run']> }) {
  const words = useWords();
  const { second } = useFormats();
  const next =
    run.nextStepAt === null
      ? null
      : words.timeline.next(
          run.nextStepAt === 'now' ? words.timeline.now : second(new Date(run.nextStepAt)),
        );
  const parts = [words.timeline.run[run.state], run.phase, next, run.reason];
  return <span>{parts.filter((part) => part !== null).join(' · ')}</span>;
}

function Buttons({ item }: { item: Item }) {
  const words = useWords();
  const may = { redrive: useMay('redrive'), reveal: useMay('reveal'), decide: useMay('decide') };
  const doubt = useStore(({ views }) => {
    const tile = views.doubts?.doubts;
    // A task may have the id of a registration.
    if (item.flow !== 'registrations' || tile === undefined || tile.state === 'unknown')
      return undefined;
    return tile.value.oldest.find(({ id }) => id === item.id);
  });
  const { record, flow, id } = item;
  const choice = { flow, class: null, group: null, ids: [id] };
  return (
    <div class="buttons">
      {may.decide && doubt !== undefined && (
        <button
          class="small"
          onClick={() => change({ dialog: { kind: 'decide', doubts: [doubt] } })}
        >
          {words.doubts.decide}
        </button>
      )}
      {may.redrive && record !== null && (
        <button
          class="small"
          onClick={() => change({ dialog: { kind: 'redrive', choice, title: id, waiting: 1 } })}
        >
          {words.failures.redrive}
        </button>
      )}
      {may.reveal && record !== null && (
        <button
          class="small quiet"
          onClick={() => change({ dialog: { kind: 'reveal', flow, record } })}
        >
          {words.timeline.reveal}
        </button>
      )}
    </div>
  );
}

function Event({ event, before }: { event: ItemEvent; before: ItemEvent | undefined }) {
  const words = useWords();
  const { second, when } = useFormats();
  const { at, kind, as, reason, by, requestId, tries, polls, link, generation } = event;
  const day = at === null ? '' : when(new Date(at), Date.now());
  const dayOf = (time: string | null | undefined) => new Date(time ?? NaN).toDateString();
  const isOtherDay = dayOf(before?.at) !== dayOf(at);
  const details = [
    ...(requestId === null ? [] : [words.timeline.request(requestId)]),
    ...(by === null ? [] : [words.timeline.by(by)]),
    ...(tries === null || tries < 2 ? [] : [words.timeline.tries(tries)]),
    ...(polls === null ? [] : [words.timeline.polls(polls)]),
  ];
  return (
    <>
      {before?.generation !== generation && (
        <li class="chapter">
          {kind === 'came-again' ? words.timeline.again : words.timeline.generation(generation)}
        </li>
      )}
      <li data-kind={kind}>
        <time dateTime={at ?? undefined} title={at ?? undefined}>
          {at === null
            ? words.none
            : `${isOtherDay ? `${day.split(' ').slice(0, -1).join(' ')} ` : ''}${second(new Date(at))}`}
        </time>
        <div>
          <strong>{words.timeline.kinds[kind]}</strong>{' '}
          {as !== null && <span class="as">{as}</span>}
          {reason !== null && (
            <p class="reason">
              <bdi>{reason}</bdi>
            </p>
          )}
          {details.length > 0 && (
            <p class="muted">
              <bdi>{details.join(' · ')}</bdi>
            </p>
          )}
          {link !== null && isSafe(link) && (
            <a href={link} target="_blank" rel="noreferrer">
              {words.openInTemporal}
            </a>
          )}
        </div>
      </li>
    </>
  );
}

/** It stands in the configuration, and a link may be code. */
const isSafe = (link: string): boolean => /^https?:\/\//i.test(link);
