// How the simulated system speaks: the same decisions, in the words of one of the presets.
import type { ServerResponse } from 'node:http';
import type { Preset } from '../domain/registrations/contract.ts';
import { sendJson, sendText } from './http.ts';

export interface Shape {
  accepted(response: ServerResponse, requestId: string): void;
  refused(response: ServerResponse, status: number, reason: string): void;
  processing(response: ServerResponse, requestId: string): void;
  /** `failure`: why it failed; null: it is done. */
  ended(response: ServerResponse, requestId: string, failure: string | null): void;
  /** What stands where `ended` leads to. */
  result(response: ServerResponse, requestId: string, failure: string | null): void;
}

const jsonStatus: Shape = {
  accepted: (response, id) => sendJson(response, 201, { id }),
  refused: (response, status, reason) => sendJson(response, status, { error: 'invalid', reason }),
  processing: (response, id) => sendJson(response, 200, { id, status: 'processing' }),
  ended: (response, id, failure) => sendJson(response, 200, { id, ...outcome(failure) }),
  result: (response) => sendJson(response, 404, { error: 'not found' }),
};

const outcome = (failure: string | null) =>
  failure === null ? { status: 'done' } : { status: 'failed', reason: failure };

const shapes: Readonly<Record<Preset, Shape>> = {
  'json-status': jsonStatus,
  'location-202': {
    ...jsonStatus,
    accepted: (response, id) => sendText(response, 202, '', { location: `/registrations/${id}` }),
    processing: (response) => sendText(response, 202, '', { 'retry-after': '1' }),
    ended: (response, id) => sendText(response, 303, '', { location: `/results/${id}` }),
    result: (response, id, failure) => sendJson(response, 200, { number: id, ...outcome(failure) }),
  },
  'error-in-200': {
    ...jsonStatus,
    accepted: (response, id) => sendJson(response, 200, { success: true, id }),
    refused: (response, _, reason) => sendJson(response, 200, { success: false, reason }),
  },
};

export const shapeOf = (preset: Preset): Shape => shapes[preset];
