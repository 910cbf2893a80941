/** The words of which what the page's server and its browser tell each other is made. */
import { z } from 'zod';

/** In JSON a text, UTC, ISO 8601. */
export const time = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
export const count = z.number().int();
/** ms; null where there is none. */
export const ms = z.number().nullable();

/** As it stands in JSON. */
export type Sent<S extends z.ZodType> = z.input<S>;
/** As the server makes it. */
export type Made<S extends z.ZodType> = z.output<S>;

/** A part that may be missing. Unknown is never zero. */
export const tile = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion('state', [
    z.object({ state: z.literal('value'), value, at: time }),
    /** It could not be read again. `at`: when it was read. */
    z.object({ state: z.literal('stale'), value, at: time, reason: z.string() }),
    z.object({ state: z.literal('unknown'), reason: z.string() }),
  ]);

/** `registrations`, the name of a worker or of a folder, or `etl.<run>`. */
export const flow = z.string().min(1).max(200);
