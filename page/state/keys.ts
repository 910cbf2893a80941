/** Single keys, for who does not reach for a mouse at night. Off in fields, in dialogs, and for who has switched them off. */
import { change, now } from './store.ts';

const SECTIONS: Readonly<Record<string, string>> = {
  f: 'failures',
  d: 'doubts',
  w: 'processes',
  a: 'actions',
};

export function listenToKeys(): void {
  /** `g` was the key before, however long ago. */
  let isAfterG = false;
  document.addEventListener('keydown', (event) => {
    const section = isAfterG ? SECTIONS[event.key] : undefined;
    isAfterG = false;
    if (event.ctrlKey || event.metaKey || event.altKey || !isForUs(event.target)) return;
    isAfterG = event.key === 'g';
    if (section !== undefined) focusOn(document.getElementById(`${section}-title`));
    else if (event.key === '/') focusOn(document.getElementById('search'));
    else if (event.key === '?') change({ dialog: { kind: 'help' } });
    else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1);
    else return;
    event.preventDefault();
  });
}

function isForUs(target: EventTarget | null): boolean {
  const { preferences, dialog, place } = now();
  if (!preferences.keys || dialog !== null || place.item !== null) return false;
  return !(
    target instanceof Element && target.matches('input, select, textarea, [contenteditable]')
  );
}

const focusOn = (element: HTMLElement | null): void => {
  element?.focus();
  element?.scrollIntoView({ block: 'nearest' });
};

/** From where the focus is: from its row, or from the first one behind it. */
function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const here = document.activeElement;
  const own = rows.findIndex((row) => row === here || row.closest('tr')?.contains(here) === true);
  if (own >= 0) return focusOn(rows[own + by] ?? null);
  const after = rows.findIndex(
    (row) =>
      here !== null && (here.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0,
  );
  focusOn((by === 1 ? rows[Math.max(0, after)] : rows[after - 1]) ?? null);
}
