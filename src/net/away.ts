/** A neighbour cannot be reached, or takes nothing for now: whoever asks again later may be answered. */
export class Away extends Error {
  override name = 'Away';
}
