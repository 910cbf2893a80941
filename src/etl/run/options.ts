import type { Counts } from '../ends.ts';
import type { EtlSettings } from '../settings.ts';
import type { ListShape } from '../spool.ts';

export interface EtlOptions {
  /** An address, a path, or `-` for standard input. */
  input: string;
  settings: EtlSettings;
  /** A path. */
  output: string;
  /** A path. */
  errors: string;
  shape: ListShape;
  /** Of the whole input, as received and unpacked. */
  mostBytes: number;
  strict: boolean;
  /** Of what is simulated; null: any. */
  seed: number | null;
  /** A file whose default export processes resources; null: it is simulated. */
  process: string | null;
  /** A queue or topic; null: the output. */
  to: string | null;
  /** Leaves a run that is not finished. */
  fresh: boolean;
}

/** Who watches a run. */
export interface Watch {
  progress(at: Progress): void;
  tell(sentence: string): void;
}

export type Progress =
  | { phase: 'fetching' | 'reading'; done: number; total: number | null }
  | { phase: 'processing'; done: number; total: number; counts: Counts };

export interface EtlSummary extends Counts {
  run: string;
  /** Whether everything has ended; else the same command goes on with it. */
  finished: boolean;
  simulated: boolean;
  input: string;
  /** SHA-256 of what was received, hex. */
  inputSha256: string | null;
  items: number;
  retries: number;
  resumed: number;
  /** At work, over all processes. */
  seconds: number;
  itemsPerSecond: number;
  /** Null where it went to `to`. */
  output: string | null;
  to: string | null;
  errors: string;
  /** Of what a broker has confirmed, for an audit; null where it did not go to one. */
  ledger: string | null;
}
