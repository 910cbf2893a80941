/** The limits of requests to the legacy system, of all workers together. */
import { useMay } from '../state/session.ts';
import { change, useStore } from '../state/store.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useSeconds } from '../state/clock.ts';
import { Known, Section } from '../parts/section.tsx';
import type { Views } from '../state/types.ts';

type Value<T> = T extends { state: 'value'; value: infer One } ? One : never;
type Limits = Value<Views['limits']['limits']>;

export function LimitsSection() {
  const words = useWords();
  const may = useMay('setLimits');
  const tile = useStore(({ views }) => views.limits?.limits);
  const isKnown = tile !== undefined && tile.state !== 'unknown';
  return (
    <Section
      id="limits"
      title={words.limits.title}
      tools={
        may && isKnown ? (
          <button class="small quiet" onClick={() => change({ dialog: { kind: 'limits' } })}>
            {words.limits.change}
          </button>
        ) : undefined
      }
    >
      <Known tile={tile}>{(limits) => <List value={limits} />}</Known>
    </Section>
  );
}

function List({ value }: { value: Limits }) {
  const words = useWords();
  const { number, age } = useFormats();
  const now = useSeconds();
  const text = (limit: number | null): string => (limit === null ? words.limits.no : number(limit));
  const use: Partial<Record<string, number>> = {
    maxConcurrent: value.workers.reduce((sum, { onTheWire }) => sum + onTheWire, 0),
    ...(value.inFlight === null ? {} : { maxInFlight: value.inFlight }),
  };
  const isAnySet = value.limits.some(({ isSet }) => isSet);
  return (
    <>
      <dl class="pairs">
        {value.limits.map(({ limit, inForce, configured, isSet }) => (
          <div key={limit}>
            <dt>{words.limits.names[limit]}</dt>
            <dd data-set={isSet}>
              <strong>{text(inForce)}</strong>
              <small>
                {[
                  ...(isSet ? [words.limits.setOver(text(configured))] : []),
                  ...(use[limit] === undefined ? [] : [words.limits.use(number(use[limit] ?? 0))]),
                ].join(' · ')}
              </small>
            </dd>
          </div>
        ))}
      </dl>
      {isAnySet && value.set !== null && (
        <p class="limits-set">
          {words.limits.setBy(value.set.by, age(now - Date.parse(value.set.at)))}
        </p>
      )}
    </>
  );
}
