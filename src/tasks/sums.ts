export const SUM_NAMES = ['collected_file', 'ack', 'nack', 'retry'] as const;

/** `ack` and `nack` count tasks; `retry` counts attempts that another one followed, or after which a task was given up. */
export type Sums = Record<(typeof SUM_NAMES)[number], number>;
