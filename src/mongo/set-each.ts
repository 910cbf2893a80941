import type { Document } from 'mongodb';

/**
 * An update for `updateMany` over `{_id: {$in: ids}}` that gives each document values of its own. A bulk write of single updates
 * is many times slower (docs/decisions/0007-one-statement.md).
 * @param ids of documents, each once; what the statement matches beside them stays as it is
 * @param fields by field: the values, in the order of `ids`; undefined is not allowed
 */
export const setEach = (
  ids: readonly unknown[],
  fields: Record<string, readonly unknown[]>,
): Document[] =>
  mergeEach(
    ids,
    ids.map((_, n) =>
      Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values[n]])),
    ),
  );

/** The same, with the fields of each document in the order of `ids`. */
export function mergeEach(ids: readonly unknown[], own: readonly object[]): Document[] {
  // $literal: a value that begins with "$" is data here, not a field of the document.
  const at = { $indexOfArray: [{ $literal: ids }, '$_id'] };
  const values = { $arrayElemAt: [{ $literal: own }, '$$at'] };
  // -1 is not found, and would be the last one of the list.
  const found = { $cond: [{ $lt: ['$$at', 0] }, { $literal: {} }, values] };
  return [{ $replaceWith: { $let: { vars: { at }, in: { $mergeObjects: ['$$ROOT', found] } } } }];
}
