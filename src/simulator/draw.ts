// Chance that can be repeated: a number from what is asked about, never from a generator with a state. So the fate of a
// registration does not depend on what came before it.

/** A number in [0, 1) for this name, registration id and attempt under this seed: FNV-1a, finished as in MurmurHash3. */
export function draw(seed: number, id: string, name: string, attempt = 0): number {
  let hash = mix(0x811c9dc5, `${seed}|${name}|${attempt}|${id}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function mix(start: number, text: string): number {
  let hash = start;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const space = 36 ** 7;
// Coprime to 36 (odd, not a multiple of 3), so that the walk visits every id once before it repeats; near the golden
// section of the space, so that neighbours look unrelated.
const stride = 48_431_222_741;

/** Request ids like `AB583C-X`, no two alike, in an order that depends on the seed only. */
export function createRequestIds(seed: number): () => string {
  let place = Math.floor(draw(seed, '', 'request-ids') * space);
  return () => {
    place = (place + stride) % space;
    let rest = place;
    let id = '';
    for (let i = 0; i < 7; i += 1) {
      id += alphabet.charAt(rest % 36);
      rest = Math.floor(rest / 36);
      if (i === 5) id += '-';
    }
    return id;
  };
}
