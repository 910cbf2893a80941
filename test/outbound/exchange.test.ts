// "No byte was sent" decides whether a POST may be sent again, and rests on the order in which undici calls back: here it stands
// beside what a server below HTTP has heard.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { Answer } from '../../src/net/exchange.ts';
import { createHttpClient } from '../../src/outbound/client.ts';
import { NOBODY } from '../helpers/activities.ts';
import { certificateAuthority } from '../helpers/certificates.ts';
import { eventually } from '../helpers/eventually.ts';
import { proxyTo } from '../helpers/proxy.ts';
import { rawServer, type RawServer } from '../helpers/raw-server.ts';
import { atEnd } from '../helpers/servers.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
const LARGE = 8 * 1024 * 1024;

function clientOf(
  t: TestContext,
  baseUrl: string,
  caFile: string | null = null,
  timeoutMs = 9_000,
) {
  const tls = { caFile, certFile: null, keyFile: null };
  const http = createHttpClient({ baseUrl, authorization: null, tls, timeoutMs, maxBytes: 1_000 });
  atEnd(t, () => http.close());
  return {
    post: (key = 'k', size = 2) =>
      http.send({
        method: 'POST',
        path: '/',
        headers: { 'idempotency-key': key },
        body: Buffer.alloc(size, 'x'),
      }),
  };
}

/** The connections have ended, so that all that was sent has been heard. */
async function assertUnsent(server: RawServer, answer: Answer): Promise<void> {
  assert.ok(answer.kind === 'none' && !answer.sent, JSON.stringify(answer));
  await server.idle();
  assert.equal(server.heard(), '');
}

const assertSent = (answer: Answer): void =>
  assert.ok(answer.kind === 'none' && answer.sent, JSON.stringify(answer));

const requestsIn = (server: RawServer, key = ''): number =>
  server.heard().split(`idempotency-key: ${key}`).length - 1;

test('nobody listens: not sent', async (t) => {
  const answer = await clientOf(t, NOBODY).post();
  assert.ok(answer.kind === 'none' && !answer.sent, JSON.stringify(answer));
});

test('a server whose certificate we do not trust: not sent', async (t) => {
  const server = await rawServer(t, () => {}, certificateAuthority(t).issue('server'));
  const { caFile } = certificateAuthority(t);
  await assertUnsent(server, await clientOf(t, server.url, caFile).post());
});

test('a server that hangs up within the TLS handshake, or speaks no TLS: not sent', async (t) => {
  for (const reply of ['', ANSWER]) {
    const server = await rawServer(t, (socket) => socket.once('data', () => socket.end(reply)));
    const answer = await clientOf(t, server.url.replace('http:', 'https:')).post();
    assert.ok(answer.kind === 'none' && !answer.sent, JSON.stringify(answer));
    await server.idle();
    assert.equal(requestsIn(server), 0);
  }
});

test('a connection that stands only after the deadline: not sent then either', async (t) => {
  const authority = certificateAuthority(t);
  let connections = 0;
  const count = () => void (connections += 1);
  const server = await rawServer(t, count, authority.issue('server'));
  const proxy = await proxyTo(t, server.url);
  proxy.hold();
  const client = clientOf(t, proxy.url, authority.caFile, 300);
  const answer = await client.post();
  proxy.release();
  await eventually('the TLS connection stands', () => assert.equal(connections, 1));
  await assertUnsent(server, answer);
});

test('a server that hangs up before it has read anything: sent, unless it has noticed in time', async (t) => {
  // It goes on reading what comes.
  const server = await rawServer(t, (socket) => socket.end());
  const answer = await clientOf(t, server.url).post();
  assert.equal(answer.kind, 'none');
  if (answer.kind === 'none' && !answer.sent) await assertUnsent(server, answer);
});

test('a server that hangs up when it has read the request, or half of its body: sent', async (t) => {
  for (const size of [2, LARGE]) {
    const server = await rawServer(t, (socket) => socket.once('data', () => socket.destroy()));
    assertSent(await clientOf(t, server.url).post('k', size));
    assert.equal(requestsIn(server), 1);
    assert.ok(server.heard().length < LARGE);
  }
});

test('a kept connection that the server has closed while it was idle: sent once, on another one', async (t) => {
  let first: Socket | undefined;
  const server = await rawServer(t, (socket) => {
    first ??= socket;
    socket.on('data', () => socket.write(ANSWER));
  });
  const client = clientOf(t, server.url);
  assert.equal((await client.post('first')).kind, 'answer');
  first?.end();
  await server.idle();
  assert.equal((await client.post('second')).kind, 'answer');
  assert.deepEqual([requestsIn(server, 'first'), requestsIn(server, 'second')], [1, 1]);
});

test('a kept connection that the server closes when it is used again: sent once, or not at all', async (t) => {
  // With the answer to the first request, and at the first byte of the second one: neither is announced in a header.
  for (const closes of ['with the answer', 'at the next request']) {
    const answered = new Set<Socket>();
    const server = await rawServer(t, (socket) =>
      socket.on('data', () => {
        if (answered.has(socket)) return void socket.destroy();
        answered.add(socket);
        if (closes === 'with the answer') socket.end(ANSWER);
        else socket.write(ANSWER);
      }),
    );
    const client = clientOf(t, server.url);
    const answers: Answer[] = [];
    for (let i = 0; i < 40; i++) answers.push(await client.post(`k${i};`));
    for (const [i, answer] of answers.entries()) {
      const heard = requestsIn(server, `k${i};`);
      if (answer.kind === 'answer') assert.equal(heard, 1);
      else
        assert.ok(
          heard <= (answer.sent ? 1 : 0),
          `${closes}: ${heard} of ${JSON.stringify(answer)}`,
        );
    }
    assert.ok(answers.some(({ kind }) => kind === 'answer'));
    if (closes === 'at the next request')
      answers.filter(({ kind }) => kind === 'none').forEach(assertSent);
  }
});

test('a server that also offers HTTP/2 is spoken to in HTTP/1.1, of which the order is known', async (t) => {
  const authority = certificateAuthority(t);
  const spoken: unknown[] = [];
  const server = await rawServer(
    t,
    (socket) => {
      spoken.push(socket instanceof TLSSocket && socket.alpnProtocol);
      socket.on('data', () => socket.write(ANSWER));
    },
    { ...authority.issue('server'), ALPNProtocols: ['h2', 'http/1.1'] },
  );
  const answer = await clientOf(t, server.url, authority.caFile).post();
  assert.equal(answer.kind, 'answer', JSON.stringify(answer));
  assert.deepEqual(spoken, ['http/1.1']);
  assert.match(server.heard(), /^POST \/ HTTP\/1\.1\r\n/);
});
