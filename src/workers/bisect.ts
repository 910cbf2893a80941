/**
 * Runs items together. Where that throws they are halved, until the poisonous one stands alone; where all of them are to
 * blame, or none, they are not.
 * @param run an outcome for each item, in their order
 * @param blame the outcome of an item that the error is about
 */
export async function bisect<Item, Outcome>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<Outcome[]>,
  isForAll: (error: unknown) => boolean,
  blame: (error: unknown) => Outcome,
): Promise<Outcome[]> {
  try {
    return await run(items);
  } catch (error) {
    if (items.length === 1 || isForAll(error)) return items.map(() => blame(error));
    const half = Math.ceil(items.length / 2);
    const first = await bisect(items.slice(0, half), run, isForAll, blame);
    return [...first, ...(await bisect(items.slice(half), run, isForAll, blame))];
  }
}
