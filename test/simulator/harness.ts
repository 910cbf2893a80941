// A simulator for one test, and a client that shows what came over the wire.
import type { TestContext } from 'node:test';
import { request } from 'undici';
import type { SimulatorOptions } from '../../src/simulator/options.ts';
import { parseJson } from '../../src/simulator/request.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';

/** A simulator on free ports that answers at once and finishes at once; closed when the test ends. */
export async function simulatorFor(
  t: TestContext,
  options: Partial<SimulatorOptions> = {},
): Promise<Simulator> {
  const quick = { minMs: 0, maxMs: 0 };
  const simulator = await startSimulator({
    port: 0,
    corePort: 0,
    latency: quick,
    answerDelay: quick,
    ...options,
  });
  t.after(() => simulator.close());
  return simulator;
}

type CallOptions = NonNullable<Parameters<typeof request>[1]>;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** the body when it is a JSON object, else empty */
  body: Record<string, unknown>;
}

export async function post(simulator: Simulator, body: unknown, key?: string): Promise<Answer> {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  return call(simulator, '/registrations', { method: 'POST', body: JSON.stringify(body), headers });
}

/** Posts and expects a request id. */
export async function file(simulator: Simulator, body: unknown, key?: string): Promise<string> {
  const answer = await post(simulator, body, key);
  if (answer.status !== 201) throw new Error(`expected 201, got ${answer.status} ${answer.text}`);
  return String(answer.body['id']);
}

export async function poll(simulator: Simulator, requestId: string): Promise<Answer> {
  return call(simulator, `/registrations/${requestId}`);
}

export async function control(simulator: Simulator, changes: unknown): Promise<Answer> {
  return call(simulator, '/control', { method: 'POST', body: JSON.stringify(changes) });
}

export async function call(
  simulator: Simulator,
  path: string,
  init: CallOptions = {},
): Promise<Answer> {
  const { statusCode, headers, body } = await request(simulator.url + path, init);
  const text = await body.text();
  return { status: statusCode, headers, text, body: parse(text) };
}

function parse(text: string): Record<string, unknown> {
  const parsed = parseJson(Buffer.from(text));
  return parsed.kind === 'object' ? parsed.fields : {};
}
