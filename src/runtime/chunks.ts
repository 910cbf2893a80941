/** In pieces that are large enough for a query each; the last one may be smaller. */
export async function* chunks<T>(
  all: AsyncIterable<T> | Iterable<T>,
  size = 1_000,
): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const each of all) {
    if (chunk.push(each) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
