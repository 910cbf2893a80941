/**
 * Does something for each, so many at a time; the answers in the order of what was asked. A failure ends it: the rest is not begun.
 * @throws the first failure
 */
export async function mapLimit<A, B>(
  all: readonly A[],
  atOnce: number,
  ask: (one: A) => Promise<B>,
): Promise<B[]> {
  const answers: B[] = [];
  let isFailed = false;
  // One iterator for all: each entry is taken once.
  const waiting = all.entries();
  const askOn = async (): Promise<void> => {
    for (const [at, one] of waiting) {
      if (isFailed) return;
      answers[at] = await ask(one).catch((error: unknown) => {
        isFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, askOn));
  return answers;
}
