// What the adaptation layer does with a connection: read a body within a limit, answer with JSON, notice who left.
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Body = { kind: 'body'; bytes: Buffer } | { kind: 'too-large' } | { kind: 'cut' };

/** The whole body, up to `limit` bytes. A larger one is read to its end and dropped, so that the client gets its answer. */
export function readBody(request: IncomingMessage, limit: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    request.on('end', () => {
      const [only] = chunks;
      if (size > limit) resolve({ kind: 'too-large' });
      else if (only !== undefined && chunks.length === 1) resolve({ kind: 'body', bytes: only });
      else resolve({ kind: 'body', bytes: Buffer.concat(chunks) });
    });
    request.on('error', () => resolve({ kind: 'cut' }));
    request.on('close', () => resolve({ kind: 'cut' })); // too late to matter after 'end'
  });
}

/** Answers with a value as JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Record<string, string> = {},
): void {
  sendText(response, status, JSON.stringify(value), headers);
}

/** Answers with a text that claims to be JSON. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  if (status === 204 || status === 304) {
    response.writeHead(status, headers).end(); // these have no body
    return;
  }
  const length = Buffer.byteLength(text);
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': length,
      ...headers,
    })
    .end(text);
}

/** Calls back once if the connection ends before the answer has left, whoever ended it. */
export function ifUnanswered(response: ServerResponse, action: () => void): void {
  if (response.destroyed) {
    action();
    return;
  }
  response.once('close', () => {
    if (!response.writableFinished) action();
  });
}
