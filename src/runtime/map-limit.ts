/** Does something for each, so many at a time; answers in the order of what was asked. @throws the first failure, which ends it */
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
