// How the simulated system behaves: the parts a run may set, their defaults, and their validation.
import { z } from 'zod';

const share = z.number().min(0).max(1);
const milliseconds = z
  .int()
  .min(0)
  .max(30 * 24 * 3_600_000);
// Bounds of a uniform distribution, both included.
const range = z
  .strictObject({ minMs: milliseconds, maxMs: milliseconds })
  .refine((r) => r.minMs <= r.maxMs, 'minMs must not exceed maxMs');
const status = z.int().min(200).max(599);

export const behaviourShape = {
  /** Accepted to finished; independent of volume, as the real system's is. */
  latency: range,
  /** Accepted to answered. */
  answerDelay: range,
  /** POST answered 422 with a reason; a matter of the content, so it stays refused. */
  refuseShare: share,
  /** Accepted, and finishes as "failed" with a reason. */
  failShare: share,
  /** Accepted and recorded, but the connection is cut before the answer. */
  loseAnswerShare: share,
  /** Accepted, and "processing" for ever. */
  neverFinishShare: share,
  /** POST not accepted, answered `errorStatus`. */
  errorShare: share,
  errorStatus: status,
  /** POST not accepted, answered 429 with Retry-After. */
  throttleShare: share,
  retryAfterSeconds: z.int().min(0).max(86_400),
  /** Windows in which every POST and GET is answered `status`; counted from the moment the bursts were set. */
  bursts: z.array(z.strictObject({ fromMs: milliseconds, toMs: milliseconds, status })),
};

const behaviourSchema = z.strictObject(behaviourShape);

/** Shares are probabilities from 0 to 1, times milliseconds. */
export type Behaviour = z.infer<typeof behaviourSchema>;

export const defaultBehaviour: Behaviour = {
  latency: { minMs: 10_000, maxMs: 20_000 },
  answerDelay: { minMs: 20, maxMs: 60 },
  refuseShare: 0,
  failShare: 0,
  loseAnswerShare: 0,
  neverFinishShare: 0,
  errorShare: 0,
  errorStatus: 500,
  throttleShare: 0,
  retryAfterSeconds: 1,
  bursts: [],
};

/** The behaviour in force, which may be changed while the simulator runs. */
export interface Script {
  current(): Behaviour;
  /** Takes over the given parts; throws an Error that names every part that is wrong, and then changes nothing. */
  change(changes: object): void;
  /** The status to answer everything with at this moment, or null outside bursts. */
  burstStatus(now: number): number | null;
}

/** @param now the start of the simulator, epoch milliseconds: where its bursts count from. */
export function createScript(initial: Behaviour, now: number): Script {
  let behaviour = initial;
  let burstsSince = now;
  return {
    current: () => behaviour,
    change(changes) {
      behaviour = check(
        behaviourSchema,
        { ...behaviour, ...changes },
        'behaviour of the simulator',
      );
      if ('bursts' in changes) burstsSince = Date.now();
    },
    burstStatus(at) {
      if (behaviour.bursts.length === 0) return null;
      const elapsed = at - burstsSince;
      const burst = behaviour.bursts.find((b) => elapsed >= b.fromMs && elapsed < b.toMs);
      return burst?.status ?? null;
    },
  };
}

/** The value as the schema's type; throws an Error that lists every fault and the names that are known. */
export function check<T extends z.ZodObject>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const path = issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
    const names = Object.keys(schema.shape).join(', ');
    return path + issue.message + (issue.code === 'unrecognized_keys' ? ` (known: ${names})` : '');
  });
  throw new Error(`${what}: ${faults.join('; ')}`);
}
