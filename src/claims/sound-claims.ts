/** Claims that are not as we write them: somebody has edited them by hand, or a restore ended half way. */
import { z } from 'zod';
import { OWN } from '../mongo/collections.ts';

const outcome = z.object({
  kind: z.string(),
  reason: z.string().nullable(),
  at: z.date(),
  requestId: z.string().nullable(),
  acceptedAt: z.date().nullable(),
  doubt: z.boolean(),
  entry: z.string(),
});

const shape = z.object({
  _id: z.string(),
  item: z.string(),
  generation: z.int(),
  conflict: z.boolean(),
  token: z.string(),
  workflowId: z.string(),
  bodyHash: z.string(),
  receivedAt: z.date(),
  claimedAt: z.date(),
  entry: z.string(),
  settledAt: z.date().nullable(),
  outcome: outcome.nullable(),
});

export type TellOdd = (sentence: string) => void;

/** Leaves out what is not as we write it, and tells of each once. */
export function soundOnly(
  tell: TellOdd,
  labelOf: (id: string) => string,
  collection: string = OWN.claims,
) {
  const told = new Set<string>();
  return <T extends { _id: string }>(claims: readonly T[]): T[] =>
    claims.filter((claim) => {
      const { error } = shape.safeParse(claim);
      if (error === undefined) return true;
      const id = labelOf(String(claim._id));
      if (!told.has(id)) tell(sentenceOf(id, collection, error));
      told.add(id);
      return false;
    });
}

function sentenceOf(id: string, collection: string, { issues }: z.ZodError): string {
  const fields = [...new Set(issues.map(({ path }) => path.join('.')))].join(', ');
  return `The document ${JSON.stringify(id)} in ${collection} is not as Despachante writes it, and is left out (${fields}): mend it or remove it`;
}
