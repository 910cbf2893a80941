import type { Document } from 'mongodb';

/**
 * An update that gives each document of a set values of its own in ONE statement: for `updateMany` over
 * `{[key]: {$in: ids}}`. A bulk write of single updates is a statement and a journal flush per document, and many times
 * slower (docs/decisions/0007-one-statement.md).
 *
 * @param ids values of `key`, each once
 * @param fields by field: the values, in the order of `ids`; undefined is not allowed
 */
export function setEach(
  key: string,
  ids: readonly unknown[],
  fields: Record<string, readonly unknown[]>,
): Document[] {
  // $literal: a value that begins with "$" is data here, not a field of the document.
  const at = { $indexOfArray: [{ $literal: ids }, `$${key}`] };
  const own = (values: readonly unknown[]) => ({ $arrayElemAt: [{ $literal: values }, at] });
  return [
    {
      $set: Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, own(values)])),
    },
  ];
}
