/** Durations as people write them: with their unit. A bare number is refused: 10 may be meant as seconds, where `ms` reads milliseconds. */
import ms from 'ms';

type Unit = 'ms' | 's' | 'm' | 'min' | 'h' | 'd' | 'w';

/** Such as `20ms`, `10s`, `5m` or `7d`. */
export type Duration = `${number}${Unit}` | `${number} ${Unit}`;

const DURATION = /^\d{1,15}(\.\d{1,6})?\s*(ms|s|m|min|h|d|w)$/;

export const isDuration = (value: string): value is Duration => DURATION.test(value);

/** In whole milliseconds; NaN where the text is no duration. */
export const milliseconds = (value: string): number =>
  isDuration(value) ? Math.round(ms(value)) : NaN;
