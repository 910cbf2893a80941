/** What `despachante doctor` finds out about one thing. */
export interface Diagnosis {
  /** What was looked at: `reachable`, `queue registrations`. */
  check: string;
  /** `warning`: it works, but something about it deserves a look. */
  state: 'well' | 'warning' | 'unwell';
  detail: string;
  /** What to do about it; null when it is well. */
  remedy: string | null;
}

export const well = (check: string, detail: string): Diagnosis => {
  return { check, state: 'well', detail, remedy: null };
};

const told =
  (state: 'warning' | 'unwell') =>
  (check: string, detail: string, remedy: string): Diagnosis => ({ check, state, detail, remedy });

export const warning = told('warning');
export const unwell = told('unwell');

export const why = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The remedy where a server does not answer: one of ours, or the setting that says where another is. */
export const startServer = (name: string, elsewhere: string): string =>
  `Start ${name} ("npm run engines start" runs one, eval "$(npm run -s engines -- env)" sets its address), or set ${elsewhere}`;
