/** How a failure record left the queue. `taken`: by others, since it is not there any more and none of ours took it. */
export const GONE_AS = ['redriven', 'dropped', 'taken'] as const;
export type GoneAs = (typeof GONE_AS)[number];

export interface Gone {
  as: GoneAs;
  at: Date;
}
