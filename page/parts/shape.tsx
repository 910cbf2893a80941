/** A shape for each state, so that none is told by its colour alone. */
export type Tone = 'ok' | 'idle' | 'warn' | 'bad' | 'unknown';

const PATHS: Readonly<Record<Tone, string>> = {
  // a disc with a tick, a ring, a triangle, an octagon, an empty lozenge
  ok: 'M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm-1.2 11.6L5.2 10l1.3-1.3 2.3 2.3 4.7-4.7L14.800 7.600Z',
  idle: 'M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 2.200a5.800 5.800 0 1 1 0 11.600 5.800 5.800 0 0 1 0-11.600Z',
  warn: 'M10 1.800 19 17.600H1L10 1.800Zm-1 5.400v5.200h2V7.200H9Zm0 6.400v2h2v-2H9Z',
  bad: 'M6.700 2h6.600L18 6.700v6.600L13.300 18H6.700L2 13.300V6.700L6.700 2ZM9 5.600v6h2v-6H9Zm0 7.400v2h2v-2H9Z',
  unknown:
    'M10 1 19 10 10 19 1 10 10 1Zm0 3.100L4.100 10l5.900 5.900 5.900-5.900L10 4.100ZM10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z',
};

export const Shape = ({ tone }: { tone: Tone }) => (
  <svg class="shape" data-tone={tone} viewBox="0 0 20 20" aria-hidden="true">
    <path fill="currentColor" fill-rule="evenodd" d={PATHS[tone]} />
  </svg>
);

/** A word with its shape, as in lists. */
export const Mark = ({ tone, children }: { tone: Tone; children: string }) => (
  <span class="mark" data-tone={tone}>
    <Shape tone={tone} />
    {children}
  </span>
);
