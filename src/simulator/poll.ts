// GET /registrations/<request id>: asks the core each time.
import type { ServerResponse } from 'node:http';
import type { Script } from './behaviour.ts';
import type { CoreClient } from './core-client.ts';
import { sendJson, sendText } from './http.ts';
import type { Orders } from './orders.ts';
import { errorNumbers } from './protocol.ts';
import type { Shape } from './shape.ts';

export interface PollDependencies {
  script: Script;
  client: CoreClient;
  pollFaults: PollFaults;
  shape: Shape;
}

/** `isResult`: of what it was led to, instead of the status. */
export type Poll = (
  response: ServerResponse,
  requestId: string,
  isResult?: boolean,
) => Promise<void>;

export function createPoll({ script, client, pollFaults, shape }: PollDependencies): Poll {
  return async (response, requestId, isResult = false) => {
    const burst = script.burstStatus(Date.now());
    if (burst !== null) {
      sendJson(response, burst, { error: 'out of order' });
      return;
    }
    const fault = pollFaults.next(requestId);
    if (fault !== null) {
      if (fault === 'garbage') sendText(response, 200, `{"id":"${requestId}","sta`);
      else sendJson(response, fault, { error: 'as ordered' });
      return;
    }
    const answer = await client.ask(['CONSULTAR', requestId]);
    if (answer.kind === 'down') {
      sendJson(response, 503, { error: 'the core is down' });
      return;
    }
    const [verdict, word, reason] = answer.fields;
    if (verdict === 'ERRO' && word === errorNumbers.notFound) {
      sendJson(response, 404, { error: 'not found' });
    } else if (word === 'PENDENTE') {
      shape.processing(response, requestId);
    } else if (word === 'CONCLUIDO' || word === 'RECUSADO') {
      const failure = word === 'RECUSADO' ? (reason ?? '') : null;
      shape[isResult ? 'result' : 'ended'](response, requestId, failure);
    } else {
      sendJson(response, 500, { error: answer.fields.join(' ') });
    }
  };
}

/** The GETs that registrations have asked to go wrong (orders.ts). */
export interface PollFaults {
  order(requestId: string, orders: Orders): void;
  /** What the next GET of this request id is answered instead of the truth; null: the truth. */
  next(requestId: string): number | 'garbage' | null;
}

export function createPollFaults(): PollFaults {
  const faults = new Map<string, { answer: number | 'garbage'; left: number }>();
  return {
    order(requestId, { pollErrorStatus, pollErrorTimes, pollGarbage }) {
      const asked = pollErrorStatus !== undefined || pollErrorTimes !== undefined;
      if (!asked && pollGarbage !== true) return;
      const answer = pollGarbage === true ? 'garbage' : (pollErrorStatus ?? 500);
      faults.set(requestId, { answer, left: pollErrorTimes ?? Infinity });
    },
    next(requestId) {
      const fault = faults.get(requestId);
      if (fault === undefined) return null;
      if (fault.left <= 0) {
        faults.delete(requestId);
        return null;
      }
      fault.left -= 1;
      return fault.answer;
    },
  };
}
