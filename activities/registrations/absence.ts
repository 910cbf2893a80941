/**
 * "There is none" lets a registration be filed again, so it is believed only from a system that finds known registrations just
 * before and just after. An application that is away answers 404, or an empty list, to everything.
 */
import { LOOK_UP, claimOfEntry, readClaimKey } from '../../src/domain/names.ts';
import type { LookUpReading } from '../../src/domain/registrations/contract.ts';
import type { Dependencies } from './dependencies.ts';

type Needs = Pick<Dependencies, 'claims' | 'journal' | 'legacy' | 'gate'>;

export interface Absent {
  index: number;
  id: string;
  /** As a look-up has it: null where an empty list said so. */
  bareStatus: number | null;
}

/** Several, so that a system with one of two instances away does not pass by luck. */
const KNOWN = 3;

const noList = (status: number): string =>
  `HTTP ${status}, where what is there is answered as a list: only an empty list says that there is none`;

const GIVEN_UP = { reason: 'the attempt was given up', retryAfter: null };

/**
 * Looks again for what was not found, between two look-ups of known registrations. Returns the reasons not to believe it, by
 * index. @throws what the journal throws
 * @param before what was accepted later may not be found yet
 */
export async function whyNotAbsent(
  needs: Needs,
  absent: readonly Absent[],
  before: Date,
  maySend: () => boolean,
): Promise<Map<number, string>> {
  if (absent.length === 0) return new Map();
  const none = (reason: string) => new Map(absent.map(({ index }) => [index, reason]));
  const known = await knownToBeThere(needs, before);
  if (known.length === 0) return none('nothing is known to be there that it could be tried with');
  const first = await control(needs, known, maySend);
  if (first.trouble !== null) return none(first.trouble);
  const again = await lookUpAll(needs, absent, maySend);
  const second = await control(needs, known, maySend);
  if (second.trouble !== null) return none(second.trouble);
  return new Map(
    absent.flatMap(({ index, bareStatus }, at): [number, string][] => {
      const now = again[at];
      if (now?.kind !== 'absent') return [[index, 'it was absent, and a moment later it was not']];
      const status = bareStatus ?? now.bareStatus;
      return first.inLists && status !== null ? [[index, noList(status)]] : [];
    }),
  );
}

/** With the ids that the legacy system was given, which may know no others. @throws what MongoDB throws */
export async function asWritten<R extends { id: string; entry: string }>(
  claims: Pick<Dependencies['claims'], 'writtenIds'>,
  all: readonly R[],
): Promise<R[]> {
  const written = await claims.writtenIds(all.map(({ entry }) => claimOfEntry(entry)));
  return all.map((each) => ({ ...each, id: written.get(claimOfEntry(each.entry)) ?? each.id }));
}

/** On the word of the legacy system alone: a person may be wrong. */
async function knownToBeThere({ claims, journal }: Needs, before: Date) {
  const accepted = await journal.acceptedBefore(before, [null, LOOK_UP], KNOWN);
  const known = accepted.flatMap(({ entry, requestId }) => {
    const id = readClaimKey(claimOfEntry(entry))?.id;
    return id === undefined ? [] : [{ id, entry, requestId }];
  });
  return asWritten(claims, known);
}

async function control(
  needs: Needs,
  known: Awaited<ReturnType<typeof knownToBeThere>>,
  maySend: () => boolean,
): Promise<{ trouble: string | null; inLists: boolean }> {
  const looked = await lookUpAll(needs, known, maySend);
  const isThere = known.every(({ requestId }, at) => {
    const now = looked[at];
    return (now?.kind === 'found' && now.requestId === requestId) || now?.kind === 'ambiguous';
  });
  const inLists = looked.every((now) => now.kind !== 'found' || now.inList);
  const unread = looked.find((now) => now.kind === 'unreadable');
  const trouble = unread?.reason ?? 'it does not find what is known to be there either';
  return { trouble: isThere ? null : trouble, inLists };
}

async function lookUpAll(
  { gate, legacy }: Needs,
  all: readonly { id: string }[],
  maySend: () => boolean,
): Promise<LookUpReading[]> {
  const looked: LookUpReading[] = [];
  const turn = gate.turn();
  while (looked.length < all.length) {
    const left = all.slice(looked.length);
    const grant = await gate.take('gets', left.length, turn, maySend);
    // The grant may have come too late.
    const isOver = !maySend();
    if (isOver) gate.release('gets', grant.count);
    const wait = isOver ? GIVEN_UP : grant.wait;
    if (wait !== null) {
      looked.push(...left.map(() => ({ kind: 'unreadable', ...wait }) as const));
      break;
    }
    const { count } = grant;
    const chunk = left.slice(0, count);
    looked.push(
      ...(await Promise.all(chunk.map(({ id }) => legacy.lookUp(id))).finally(() =>
        gate.release('gets', count),
      )),
    );
  }
  return looked;
}
