/** A small system of each preset, on raw sockets. What becomes of a registration, its own id tells: `slow-`, `refused-` and so on. */
import type { Preset } from '../../src/domain/registrations/contract.ts';
import { http, socketSystem, type Heard, type Reply, type SocketSystem } from './socket-system.ts';
import type { Ending } from './servers.ts';

interface Filed {
  id: string;
  polls: number;
  /** When it was filed and asked for, epoch ms. */
  at: number[];
}

export interface PresetSystem extends SocketSystem {
  /** By request id, in the order in which they were filed; it outlives a restart. */
  filed: Map<string, Filed>;
  filedAs(id: string): string[];
}

interface Shape {
  accepted(requestId: string): Reply;
  refused(reason: string): Reply;
  processing(requestId: string): Reply;
  ended(requestId: string, failure: string | null): Reply;
}

const REASON = 'unknown municipality';

const byState = {
  processing: (id: string) => http(200, { id, status: 'processing' }, { 'Retry-After': '1' }),
  ended: (id: string, reason: string | null) =>
    http(200, reason === null ? { id, status: 'done' } : { id, status: 'failed', reason }),
};

const SHAPES: Readonly<Record<Preset, Shape>> = {
  'json-status': {
    ...byState,
    accepted: (id) => http(201, { id }),
    refused: (reason) => http(422, { reason }),
  },
  'location-202': {
    accepted: (id) => http(202, '', { Location: `/registrations/${id}`, 'Retry-After': '1' }),
    refused: (reason) => http(422, { reason }),
    processing: () => http(202, '', { 'Retry-After': '1' }),
    ended: (id) => http(303, '', { Location: `/results/${id}` }),
  },
  'error-in-200': {
    ...byState,
    accepted: (id) => http(200, { success: true, id }),
    refused: (reason) => http(200, { success: false, reason }),
  },
};

export async function presetSystem(t: Ending, preset: Preset): Promise<PresetSystem> {
  const shape = SHAPES[preset];
  const filed = new Map<string, Filed>();
  const outcome = (requestId: string): string | null =>
    filed.get(requestId)?.id.startsWith('failed-') === true ? REASON : null;

  const submit = ({ body }: Heard): Reply => {
    const id = /"id":"([^"]+)"/.exec(body)?.[1] ?? '';
    if (id.startsWith('refused-')) return shape.refused(REASON);
    const requestId = String(1000 + filed.size);
    filed.set(requestId, { id, polls: 0, at: [Date.now()] });
    return id.startsWith('lost-') ? null : shape.accepted(requestId);
  };
  const status = (requestId: string): Reply => {
    const one = filed.get(requestId);
    if (one === undefined) return http(404);
    one.polls += 1;
    one.at.push(Date.now());
    const polls = one.id.startsWith('slow-') ? 3 : 1;
    return one.polls <= polls
      ? shape.processing(requestId)
      : shape.ended(requestId, outcome(requestId));
  };
  const result = (requestId: string): Reply => {
    const reason = outcome(requestId);
    return http(200, reason === null ? { registered: requestId } : { status: 'failed', reason });
  };

  const system = await socketSystem(t, (request) => {
    const [, kind, requestId] = request.target.split('/');
    if (request.method === 'POST') return submit(request);
    if (kind === 'results') return result(requestId ?? '');
    return status(requestId ?? '');
  });
  const filedAs = (id: string): string[] =>
    [...filed].flatMap(([requestId, one]) => (one.id === id ? [requestId] : []));
  return { ...system, filed, filedAs };
}
