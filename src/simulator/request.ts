// What a POST carries: syntactically valid, or the reason why not.
import { isUtf8 } from 'node:buffer';
import { check } from './behaviour.ts';
import { type Orders, ordersSchema } from './orders.ts';

export type ParsedRequest =
  | { kind: 'registration'; id: string; orders: Orders; idempotencyKey: string | null }
  | { kind: 'invalid'; id: string | null; reason: string };

/** A longer id or key would not fit a line of the core's protocol with ease. */
const longestId = 1_000;
const longestKey = 255;

/** The registration in a body of JSON bytes: an object with the string `id`, and `simulate` at will (orders.ts). */
export function parseRequest(bytes: Buffer, key: string | undefined): ParsedRequest {
  const body = parseJson(bytes);
  if (body.kind === 'invalid') return body;
  const { id } = body.fields;
  if (typeof id !== 'string' || id === '' || id.length > longestId) {
    return invalid(null, `the field "id" must be a string of 1 to ${longestId} characters`);
  }
  if (key !== undefined && key.length > longestKey) {
    return invalid(id, `the header Idempotency-Key is longer than ${longestKey} characters`);
  }
  const { simulate } = body.fields;
  try {
    const orders =
      simulate === undefined ? {} : check(ordersSchema, simulate, 'the field "simulate"');
    return { kind: 'registration', id, orders, idempotencyKey: key ?? null };
  } catch (error) {
    return invalid(id, error instanceof Error ? error.message : String(error));
  }
}

export type ParsedObject =
  | { kind: 'object'; fields: Record<string, unknown> }
  | { kind: 'invalid'; id: null; reason: string };

/** A JSON object from bytes, or why it is none. */
export function parseJson(bytes: Buffer): ParsedObject {
  if (!isUtf8(bytes)) return invalid(null, 'the body is not valid UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return invalid(null, 'the body is not valid JSON'); // V8's message would quote the body
  }
  if (!isObject(value)) return invalid(null, 'the body must be a JSON object');
  return { kind: 'object', fields: value };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid<Id extends string | null>(id: Id, reason: string) {
  return { kind: 'invalid', id, reason } as const;
}
