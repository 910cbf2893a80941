// What a registration may ask of the simulator in its own body, so that a test says what it wants where one reads it:
//
//   {"id": "r-1", "name": "…", "simulate": {"fail": "documento ilegível", "latencyMs": 50}}
//
//   field of "simulate"   effect                                                       how often, for one id
//   -------------------   ----------------------------------------------------------   -------------------------------
//   throttleTimes         POST: 429 with Retry-After, not accepted                     so many times, before the rest
//   errorStatus           POST: this status, not accepted (200: a 2xx without an id)   errorTimes; without it, always
//   errorTimes            how often errorStatus (or the simulator's own) is answered   so many times, then normal
//   retryAfterSeconds     Retry-After of the above                                     with each of them
//   refuse                POST: 422 with this reason                                   refuseTimes; without it, always
//   loseAnswer            POST: accepted, recorded, and the connection cut             loseAnswerTimes; without it, once
//   answerDelayMs         POST: time from acceptance to the answer                     always
//   latencyMs             time from acceptance to the end                              always
//   fail                  the registration ends as "failed" with this reason           failTimes; without it, always
//   neverFinish           the registration stays "processing"                          always
//   pollErrorStatus       GET: this status                                             pollErrorTimes; without it, always
//   pollErrorTimes        how often pollErrorStatus (or 500) is answered               so many times for each request id
//   pollGarbage           the GETs above answer 200 and half a JSON object instead     pollErrorTimes; without it, always
//
// An order wins over the share of the same name. The counts live as long as the process: a restart begins them anew.
import { z } from 'zod';

const times = z.int().min(0).max(1_000_000);
const status = z.int().min(200).max(599);
const reason = z.string().min(1).max(500);
const milliseconds = z
  .int()
  .min(0)
  .max(30 * 24 * 3_600_000);

export const ordersSchema = z.strictObject({
  throttleTimes: times.optional(),
  errorStatus: status.optional(),
  errorTimes: times.optional(),
  retryAfterSeconds: z.int().min(0).max(86_400).optional(),
  refuse: reason.optional(),
  refuseTimes: times.optional(),
  loseAnswer: z.boolean().optional(),
  loseAnswerTimes: times.optional(),
  answerDelayMs: milliseconds.optional(),
  latencyMs: milliseconds.optional(),
  fail: reason.optional(),
  failTimes: times.optional(),
  neverFinish: z.boolean().optional(),
  pollErrorStatus: status.optional(),
  pollErrorTimes: times.optional(),
  pollGarbage: z.boolean().optional(),
});

export type Orders = z.infer<typeof ordersSchema>;
