// Plain values in a tree of mappings, addressed by paths such as `intake.batchSize`.
export type Environment = Readonly<Record<string, string | undefined>>;
export type Leaf = readonly [path: string, value: unknown];

/** Whether the value has keys of its own, as a section has. */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The settings of a tree, flat: `['intake.batchSize', 100]`. A list is one setting. */
export function leaves(tree: object, above = ''): Leaf[] {
  return Object.entries(tree).flatMap(([key, below]: [string, unknown]): Leaf[] =>
    isMapping(below) && Object.keys(below).length > 0
      ? leaves(below, `${above}${key}.`)
      : [[above + key, below]],
  );
}

export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value) && typeof key === 'number') return value[key];
    return isMapping(value) && Object.hasOwn(value, key) ? value[String(key)] : undefined;
  }, tree);
}

/** A copy with the value at the path. Where something else than a mapping is in the way, that stays: it is a fault. */
export function withValue(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const mapping = tree ?? {};
  return isMapping(mapping)
    ? { ...mapping, [key]: withValue(valueAt(mapping, [key]), rest, value) }
    : tree;
}

/** A copy without the sections that are empty: `intake:` with all of its keys commented out reads as null. */
export function withoutEmptySections(tree: unknown, standard: unknown): unknown {
  if (!isMapping(tree) || !isMapping(standard)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key, value]) => value !== null || !isMapping(valueAt(standard, [key])))
      .map(([key, value]) => [key, withoutEmptySections(value, valueAt(standard, [key]))]),
  );
}
