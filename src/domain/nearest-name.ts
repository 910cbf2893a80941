/** What somebody probably meant who wrote a name that is not known. Pure. */

/** The candidate that differs in nothing but capitals and separators. */
export function sameName(name: string, candidates: readonly string[]): string | undefined {
  const plain = (value: string) => value.toLowerCase().replace(/[-_.]/g, '');
  return candidates.find((candidate) => plain(candidate) === plain(name));
}

/** The candidate of the same name, or else the one that is written most alike. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const most = Math.min(3, Math.floor(name.length / 3));
  const alike = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return sameName(name, candidates) ?? alike[0]?.candidate;
}

/** How many letters must be put in, left out or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** `did you mean batchSize?`, or nothing. */
export const didYouMean = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : `did you mean ${name}?`;
