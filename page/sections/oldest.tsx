/** Of a group, the failures that have waited longest. */
import { useEffect, useState } from 'preact/hooks';
import { get, type Answer } from '../state/api.ts';
import { go } from '../state/go.ts';
import type { Failure, Group } from '../state/types.ts';
import { useWords } from '../words/words.ts';
import { When } from '../parts/time.tsx';

const SHOWN = 20;

export function Oldest({ group }: { group: Group }) {
  const words = useWords();
  const [answer, setAnswer] = useState<Answer<{ failures: Failure[] }> | null>(null);
  const { flow, class: kind, reason, waiting } = group;
  useEffect(() => {
    const leaving = new AbortController();
    const query = { flow, class: kind, group: reason, state: 'waiting', limit: String(SHOWN) };
    void get<{ failures: Failure[] }>('failures', { query, signal: leaving.signal }).then(
      (found) => {
        if (!leaving.signal.aborted) setAnswer(found);
      },
    );
    return () => leaving.abort();
  }, [flow, kind, reason, waiting]);
  if (answer === null) return <p class="empty">{words.timeline.loading}</p>;
  if (!answer.ok) return <p class="empty fault">{answer.problem.detail}</p>;
  const { failures } = answer.value;
  return (
    <div class="oldest">
      <h3>{words.failures.oldest(failures.length)}</h3>
      <ul>
        {failures.map((failure) => (
          <One key={failure.record} failure={failure} />
        ))}
      </ul>
    </div>
  );
}

function One({ failure }: { failure: Failure }) {
  const words = useWords();
  const { id, record, reason, at, attempts, generation } = failure;
  return (
    <li>
      <When at={at} />
      <button class="row mono" data-row onClick={() => go({ item: id ?? record })}>
        <bdi>{id ?? record}</bdi>
      </button>
      <bdi class="why" title={reason ?? undefined}>
        {reason ?? words.failures.noReason}
      </bdi>
      <span class="muted">
        {words.failures.attempts(attempts)}
        {generation > 0 && ` · ${words.timeline.generation(generation)}`}
        {failure.late !== null &&
          ` · ${words.timeline.kinds['finished-later']}: ${failure.late.status}`}
      </span>
    </li>
  );
}
