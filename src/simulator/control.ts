// The simulator's own end points, for other processes: its counts, its ledger, and changes of behaviour while it runs.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Script } from './behaviour.ts';
import { readBody, sendJson } from './http.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { parseJson } from './request.ts';

export interface ControlDependencies {
  script: Script;
  stopCore: () => Promise<void>;
  startCore: () => Promise<void>;
}

const bodyLimit = 64 * 1024;

/**
 * POST /control: any parts of Behaviour, and `"core": "up" | "down"`. Answers 200 with the behaviour in force, or 400
 * with what is wrong, and then nothing has changed.
 */
export function createControl({ script, stopCore, startCore }: ControlDependencies) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request, bodyLimit);
    if (body.kind === 'cut') return;
    const parsed =
      body.kind === 'body'
        ? parseJson(body.bytes)
        : { kind: 'invalid' as const, reason: `the body is larger than ${bodyLimit} bytes` };
    if (parsed.kind === 'invalid') {
      sendJson(response, 400, { error: 'invalid', reason: parsed.reason });
      return;
    }
    const { core, ...changes } = parsed.fields;
    if (core !== undefined && core !== 'up' && core !== 'down') {
      const reason = `core: expected "up" or "down", got ${JSON.stringify(core)}`;
      sendJson(response, 400, { error: 'invalid', reason });
      return;
    }
    try {
      script.change(changes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      sendJson(response, 400, { error: 'invalid', reason });
      return;
    }
    if (core === 'up') await startCore();
    if (core === 'down') await stopCore();
    sendJson(response, 200, script.current());
  };
}

/** GET /ledger: what the ledger holds at this moment, as JSON lines. */
export async function sendLedger(response: ServerResponse, ledger: Ledger): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
  await pipeline(Readable.from(inLines(ledger.entries())), response);
}

function* inLines(entries: readonly LedgerEntry[]): Generator<string> {
  const end = entries.length;
  for (let start = 0; start < end; start += 500) {
    const lines = entries.slice(start, Math.min(start + 500, end)).map((e) => JSON.stringify(e));
    yield lines.join('\n') + '\n';
  }
}
