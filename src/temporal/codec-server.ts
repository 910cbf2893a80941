/**
 * Encrypts and decrypts payloads over HTTP, so that Temporal Web and Temporal's CLI show them to those who are allowed:
 * POST /decode and /encode with `{"payloads": […]}`, as docs.temporal.io/codec-server has it.
 */
import type { IncomingMessage } from 'node:http';
import type { PayloadCodec } from '@temporalio/common';
import { JSONToPayload, payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import { z } from 'zod';
import {
  originOf,
  Refusal,
  refuseStrangers,
  refuseWithoutToken,
  type CodecAccess,
} from './codec-access.ts';
import { isLoopback } from '../net/asked-by.ts';
import { briefHttpServer, listen, pathOf, stopServing } from '../net/listen.ts';
import type { Log } from '../runtime/log.ts';
import { DecryptionError } from './payload-codec.ts';

export interface CodecServerOptions extends CodecAccess {
  host: string;
  /** 0 for any free port. */
  port: number;
  codec: PayloadCodec;
  /** The only one that is served. */
  namespace: string;
  log: Log;
}

/** A message of Temporal's is 4 MiB at most, here in base64. */
const LARGEST = 8 * 1024 * 1024;

const payloadSchema = z.object({
  metadata: z.record(z.string(), z.string()).nullable().default(null),
  data: z.string().nullable().default(null),
});
const bodySchema = z.object({ payloads: z.array(payloadSchema).max(10_000).default([]) });

/** @throws Error when the port is taken, when an origin is none, or when other machines could ask and have no token */
export async function serveCodec(
  options: CodecServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { host, port, log, tokens } = options;
  if (!isLoopback(host) && tokens.every(({ ownUserOnly }) => ownUserOnly)) {
    throw new Error(
      `On ${host} other machines could have everything decrypted: set CODEC_TOKEN, or listen on 127.0.0.1`,
    );
  }
  const origins = options.origins.map(originOf);
  const server = briefHttpServer((request, response) => {
    const { origin } = request.headers;
    const send = (status: number, body: object | null): void => {
      response.writeHead(status, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        vary: 'Origin',
        ...(origin !== undefined && origins.includes(origin) ? corsHeaders(origin) : {}),
      });
      response.end(body === null ? undefined : JSON.stringify(body));
    };
    answer(request, { ...options, origins }).then(
      (body) => send(body === null ? 204 : 200, body),
      (error: unknown) => {
        const { status, message } = error instanceof Refusal ? error : FAILED;
        // The path may hold a token.
        log.warn(
          { runbook: 'encryption-key', status, method: request.method, origin },
          `Refused: ${message}`,
        );
        send(status, { message });
      },
    );
  });
  const taken = ({ message }: Error) =>
    `Cannot listen on ${host}:${port}: ${message}. Use another --port.`;
  const bound = await listen(server, host, port, taken);
  return { port: bound, close: () => stopServing(server) };
}

const FAILED = new Refusal(500, 'the payloads could not be worked on');

const corsHeaders = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': 'POST, OPTIONS',
  // The second is the id token of who has logged in. Nobody here reads it, but a browser asks for all or sends nothing.
  'access-control-allow-headers': 'authorization, authorization-extras, content-type, x-namespace',
  'access-control-max-age': '600',
});

/** The payloads, changed; null for the question a browser asks before. @throws Refusal */
async function answer(
  request: IncomingMessage,
  { codec, namespace, log, ...access }: CodecServerOptions,
): Promise<object | null> {
  const { method, headers } = request;
  refuseStrangers(request, access);
  if (method === 'OPTIONS') return null;
  const [action, ...folders] = pathOf(request).slice(1).split('/').reverse();
  if (action !== 'decode' && action !== 'encode') {
    throw new Refusal(404, 'POST to /decode or /encode');
  }
  if (method !== 'POST') throw new Refusal(405, 'POST to it');
  refuseWithoutToken(request, folders, access.tokens);
  const asked = headers['x-namespace'];
  if (asked !== undefined && asked !== namespace) {
    throw new Refusal(403, `only the namespace ${namespace} is served`);
  }
  const { payloads } = parse(await read(request));
  try {
    const changed = await codec[action](payloads.map((payload) => JSONToPayload(payload)));
    const facts = { action, payloads: payloads.length, origin: headers.origin };
    log.info(facts, 'Payloads were asked for');
    return { payloads: changed.map((payload) => payloadToJSON(payload)) };
  } catch (error) {
    if (error instanceof DecryptionError) throw new Refusal(422, error.message);
    throw error;
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > LARGEST) throw new Refusal(413, `at most ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string): z.output<typeof bodySchema> {
  try {
    return bodySchema.parse(JSON.parse(body));
  } catch {
    throw new Refusal(400, 'expected {"payloads": [{"metadata": {…}, "data": "…"}]}');
  }
}
