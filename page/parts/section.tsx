import type { ComponentChildren } from 'preact';
import type { Tile } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { useSeconds } from '../state/clock.ts';
import { Mark } from './shape.tsx';

interface SectionProps {
  /** Where keys and links lead. */
  id: string;
  title: string;
  /** Beside the title: a count, or a word. */
  aside?: ComponentChildren;
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export const Section = ({ id, title, aside, tools, children }: SectionProps) => (
  <section id={id} class="section" aria-labelledby={`${id}-title`}>
    <header>
      <h2 id={`${id}-title`} tabIndex={-1}>
        {title}
      </h2>
      {aside !== undefined && <span class="aside">{aside}</span>}
      {tools !== undefined && <div class="tools">{tools}</div>}
    </header>
    {children}
  </section>
);

/** The value of a part that may be unknown, or old, and is never a zero then. */
export function Known<T>({
  tile,
  children,
}: {
  tile: Tile<T> | undefined;
  children: (value: T) => ComponentChildren;
}) {
  const words = useWords();
  const { age } = useFormats();
  const now = useSeconds();
  if (tile === undefined)
    return (
      <p class="empty" aria-hidden="true">
        {' '}
      </p>
    );
  if (tile.state === 'unknown')
    return (
      <p class="empty">
        <Mark tone="unknown">{words.verdict.words.unknown}</Mark>{' '}
        <span class="why">{tile.reason}</span>
      </p>
    );
  return (
    <>
      {tile.state === 'stale' && (
        <p class="stale">
          <Mark tone="unknown">
            {words.tiles.stale(age(now - Date.parse(tile.at)), tile.reason)}
          </Mark>
        </p>
      )}
      {children(tile.value)}
    </>
  );
}
