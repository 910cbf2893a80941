/** What the status of an answer means for the item that was sent. */

export const MEANINGS = ['ack', 'nack', 'retry', 'hold'] as const;
/** `nack`: another try would end in the same way. `hold`: it says nothing of the item, and nothing is sent until it has passed. */
export type Meaning = (typeof MEANINGS)[number];

/** By a status such as `404`, or a class of them such as `4xx`; a status wins. */
export type Statuses = Readonly<Record<string, Meaning>>;

/**
 * 2xx is ack, 4xx nack, anything else retry. Too slow, too early and too many (408, 425, 429) pass by themselves, and credentials
 * (401, 403, 407) are not the item's fault (RFC 9110, RFC 8470, RFC 6585).
 */
const BUILT_IN: Statuses = {
  ...{ '2xx': 'ack', '4xx': 'nack' },
  ...{ '408': 'retry', '425': 'retry', '429': 'retry' },
  ...{ '401': 'hold', '403': 'hold', '407': 'hold' },
};

/** @param own wins as a whole: `4xx: nack` in it is for all of them */
export const meaningOf = (status: number, own: Statuses): Meaning =>
  meaningIn(own, status) ?? meaningIn(BUILT_IN, status) ?? 'retry';

/** Undefined where the table says nothing of it. */
export const meaningIn = (table: Statuses, status: number): Meaning | undefined =>
  table[String(status)] ?? table[`${Math.floor(status / 100)}xx`];
