/** Rows that do not move while somebody points at them, or has the focus there. */
import { useRef, useState } from 'preact/hooks';

export interface Frozen<Row> {
  rows: Row[];
  /** It went meanwhile, and is still shown. */
  isGone: (row: Row) => boolean;
  /** Rows that came meanwhile, and are shown afterwards. */
  waiting: number;
  /** For the element around the rows. */
  hold: {
    onPointerEnter: () => void;
    onPointerLeave: () => void;
    onFocusIn: () => void;
    onFocusOut: () => void;
  };
}

/**
 * Rows that are there stay in their order, with what is new of them; rows that went stay until nobody points at them.
 * @param question for another one there are other rows, whoever points where
 */
export function useFrozen<Row>(
  latest: readonly Row[],
  keyOf: (row: Row) => string,
  question = '',
): Frozen<Row> {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const kept = useRef({ question, rows: latest });
  const isHeld = pointed || focused;
  if (!isHeld || kept.current.question !== question) kept.current = { question, rows: latest };
  const byKey = new Map(latest.map((row) => [keyOf(row), row]));
  const rows = kept.current.rows.map((row) => byKey.get(keyOf(row)) ?? row);
  const shown = new Set(rows.map(keyOf));
  return {
    rows,
    isGone: (row) => !byKey.has(keyOf(row)),
    waiting: isHeld ? latest.filter((row) => !shown.has(keyOf(row))).length : 0,
    hold: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocusIn: () => setFocused(true),
      onFocusOut: () => setFocused(false),
    },
  };
}
