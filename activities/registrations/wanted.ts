/** The claims that deliveries want: of which generation, and how their registrations go on. */
import { claimKey } from '../../src/domain/names.ts';
import {
  admit,
  anew,
  isRedrive,
  keysOfRedriven,
  type Admission,
  type Begin,
} from '../../src/domain/registrations/admission.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import { binary, newToken, type Claim, type Claims } from '../../src/claims/claims.ts';
import { ACCEPTED } from '../../src/registrations/in-flight.ts';
import type { RecordSeen } from '../../src/claims/records.ts';

/** A registration that a run asks for; its label stays with the run. */
export interface ClaimRequest extends Omit<NewRegistration, 'label'> {
  index: number;
}

export interface Wanted {
  claim: Claim;
  begin: Begin;
  /** The failed claim that it goes on from. */
  before: Claim | null;
  isRedrive: boolean;
}

/** By index; and the claims whose records the redrives are. */
export async function wantedBy(
  claims: Pick<Claims, 'find'>,
  deliveries: readonly ClaimRequest[],
  workflowId: string,
): Promise<{ wanted: Map<number, Wanted>; moved: RecordSeen[] }> {
  const redrives = deliveries.filter(
    ({ failedGeneration: redrive, token }) => redrive !== null && token !== undefined,
  );
  const found = await claims.find(redrives.flatMap(keysOfRedriven));
  const moved: RecordSeen[] = [];
  const wanted = new Map<number, Wanted>();
  for (const each of deliveries) {
    const named = keysOfRedriven(each).flatMap((key) => found.get(key) ?? []);
    const own = named.filter(({ token }) => token === each.token);
    moved.push(...own.map(({ _id }) => ({ claim: _id, at: null })));
    wanted.set(each.index, wantedFor(each, admit(each, named), workflowId));
  }
  return { wanted, moved };
}

function wantedFor(request: ClaimRequest, admission: Admission<Claim>, workflowId: string): Wanted {
  const { id, index, bodyHash, message } = request;
  const { generation } = admission;
  const goesOn = admission.kind === 'claim' ? admission : null;
  const begin = goesOn?.begin ?? anew(id, generation);
  const claim: Claim = {
    _id: claimKey(id, generation),
    item: id,
    generation,
    conflict: false,
    token: newToken(),
    workflowId,
    index,
    bodyHash,
    message: { body: binary(message.body), properties: message.properties },
    receivedAt: new Date(request.receivedAt),
    claimedAt: new Date(),
    entry: begin.entry,
    ...(begin.kind === 'resumed' ? { atLegacy: ACCEPTED } : {}),
    outcome: null,
    settledAt: null,
  };
  return { claim, begin, before: goesOn?.before ?? null, isRedrive: isRedrive(admission) };
}
