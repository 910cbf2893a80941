/** Times as people read them; exactly, and in UTC, for whoever points at them. */
import { useSeconds } from '../state/clock.ts';
import { useFormats } from '../words/words.ts';

/** How long ago, and it goes on. */
export function Age({ at }: { at: string }) {
  const now = useSeconds();
  const { age } = useFormats();
  return (
    <time dateTime={at} title={at}>
      {age(now - Date.parse(at))}
    </time>
  );
}

/** The clock of today, or the day, too. */
export function When({ at }: { at: string }) {
  const now = useSeconds();
  const { when } = useFormats();
  return (
    <time dateTime={at} title={at}>
      {when(new Date(at), now)}
    </time>
  );
}
