// POST /registrations: accepted with the core's request id, or what decision.ts has in store.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Script } from './behaviour.ts';
import type { CoreClient } from './core-client.ts';
import { answerDelayMs, type Case, decide, type Decision, type Past } from './decision.ts';
import { ifUnanswered, readBody, sendJson } from './http.ts';
import type { Later } from './later.ts';
import type { Ledger } from './ledger.ts';
import type { PollFaults } from './poll.ts';
import type { Shape } from './shape.ts';
import { parseRequest } from './request.ts';

export interface SubmitDependencies {
  seed: number;
  script: Script;
  client: CoreClient;
  ledger: Ledger;
  later: Later;
  pollFaults: PollFaults;
  shape: Shape;
}

type Filing = Decision & { kind: 'file' };

/** Largest body accepted, bytes. */
const bodyLimit = 1024 * 1024;

const nothing: Past = { throttle: 0, error: 0, refuse: 0, lose: 0, fail: 0 };

const words: Record<Filing['final'], string> = {
  done: 'CONCLUI',
  failed: 'RECUSA',
  never: 'NUNCA',
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createSubmit({
  seed,
  script,
  client,
  ledger,
  later,
  pollFaults,
  shape,
}: SubmitDependencies): Handler {
  const pasts = new Map<string, Past>(); // only ids to which something has happened

  const pastOf = (id: string): Past => pasts.get(id) ?? nothing;
  const happened = (id: string, what: keyof Past): void => {
    const past = pastOf(id);
    pasts.set(id, { ...past, [what]: past[what] + 1 });
  };

  const refuse = (response: ServerResponse, id: string | null, status: number, reason: string) => {
    ledger.append({ at: Date.now(), event: 'refused', id, status, reason });
    shape.refused(response, status, reason);
  };

  const turnAway = (response: ServerResponse, id: string, status: number, retryAfter?: number) => {
    ledger.append({ at: Date.now(), event: 'not-accepted', id, status });
    const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    sendJson(response, status, { error: 'not accepted' }, headers);
  };

  const file = async (
    response: ServerResponse,
    it: Case,
    filing: Filing,
    key: string | null,
  ): Promise<void> => {
    const loseAnswer = (requestId: string | null) =>
      ledger.append({ at: Date.now(), event: 'answer-lost', id: it.id, requestId });
    const { latencyMs, final, reason } = filing;
    const command = ['CADASTRAR', it.id, key ?? '', String(latencyMs), words[final], reason];

    const answer = await client.ask(command);
    if (answer.kind === 'down' && answer.sent) {
      loseAnswer(null);
      sendJson(response, 502, { error: 'the core went away before it answered' });
      return;
    }
    const [verdict, requestId] = answer.kind === 'answer' ? answer.fields : [];
    if (verdict !== 'OK' || requestId === undefined) {
      turnAway(response, it.id, 503);
      return;
    }
    if (final === 'failed') happened(it.id, 'fail');
    if (filing.loseAnswer) happened(it.id, 'lose');
    pollFaults.order(requestId, it.orders);
    ifUnanswered(response, () => loseAnswer(requestId));
    // Nobody is told of a registration that a kill of this process could make the ledger forget.
    await Promise.all([ledger.written(), later.due(answerDelayMs(it))]);
    if (filing.loseAnswer) response.destroy();
    else if (!response.destroyed) shape.accepted(response, requestId);
  };

  return async (request, response) => {
    const body = await readBody(request, bodyLimit);
    if (body.kind === 'cut') return;
    if (body.kind === 'too-large') {
      refuse(response, null, 413, `the body is larger than ${bodyLimit} bytes`);
      return;
    }
    const key = request.headers['idempotency-key'];
    const parsed = parseRequest(body.bytes, typeof key === 'string' ? key : key?.[0]);
    if (parsed.kind === 'invalid') {
      refuse(response, parsed.id, 400, parsed.reason);
      return;
    }
    const { id, orders, idempotencyKey } = parsed;
    const burst = script.burstStatus(Date.now());
    if (burst !== null) {
      turnAway(response, id, burst);
      return;
    }
    const it: Case = { seed, behaviour: script.current(), id, orders, past: pastOf(id) };
    const decision = decide(it);
    if (decision.kind === 'file') {
      await file(response, it, decision, idempotencyKey);
      return;
    }
    happened(id, decision.kind);
    if (decision.kind === 'refuse') refuse(response, id, 422, decision.reason);
    else turnAway(response, id, decision.status, decision.retryAfterSeconds ?? undefined);
  };
}
