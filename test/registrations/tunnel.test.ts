/** Proxies that fail at CONNECT, each on raw sockets: what they hear is counted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createLegacy } from '../../src/registrations/legacy.ts';
import { described } from '../helpers/described.ts';
import { atEnd } from '../helpers/servers.ts';
import { http, socketSystem } from '../helpers/socket-system.ts';

const BODY = Buffer.from('{"id":"ana-1"}');

/** @param heard is called with the first line of each connection */
async function proxyThat(t: TestContext, heard: (socket: Socket, line: string) => void) {
  const lines: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.once('data', (bytes) => {
      const [line = ''] = bytes.toString('latin1').split('\r\n');
      lines.push(line);
      heard(socket, line);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { LEGACY_PROXY: `http://127.0.0.1:${port}`, lines };
}

function at(t: TestContext, LEGACY_URL: string, legacy: string, env: { LEGACY_PROXY: string }) {
  const client = createLegacy(described(legacy, { LEGACY_URL, LEGACY_PROXY: env.LEGACY_PROXY }));
  atEnd(t, () => client.close());
  return client;
}

test('a proxy that drops every CONNECT is asked once for each request, and no more after that', async (t) => {
  const proxy = await proxyThat(t, (socket) => socket.destroy());
  const client = at(t, 'https://office.example', '{ timeout: 1s }', proxy);
  for (const asked of [1, 2]) {
    const result = await client.submit(BODY, 'k');
    assert.ok(result.kind === 'not-accepted');
    assert.match(result.reason, /the proxy: /);
    assert.equal(proxy.lines.length, asked);
  }
});

test('a proxy that is silent at CONNECT is given up, with its connection', async (t) => {
  const closed: Promise<unknown>[] = [];
  const proxy = await proxyThat(t, (socket) => closed.push(once(socket, 'close')));
  const client = at(t, 'https://office.example', '{ timeout: 300ms }', proxy);
  assert.equal((await client.submit(BODY, 'k')).kind, 'not-accepted');
  await Promise.all(closed);
  assert.equal(proxy.lines.length, 1);
});

test('a tunnel to an address of IPv6 is asked for in brackets, and any 2xx opens it', async (t) => {
  const begun = Promise.withResolvers<string>();
  const proxy = await proxyThat(t, (socket) => {
    socket.once('data', (bytes) => {
      begun.resolve(bytes.subarray(0, 1).toString('hex'));
      socket.destroy();
    });
    socket.write('HTTP/1.1 201 x\r\n\r\n');
  });
  const client = at(t, 'https://[2001:db8::7]', '{ timeout: 2s }', proxy);
  const result = await client.submit(BODY, 'k');
  assert.equal(result.kind, 'not-accepted');
  assert.deepEqual(proxy.lines, ['CONNECT [2001:db8::7]:443 HTTP/1.1']);
  assert.ok(!JSON.stringify(result).includes('201'), JSON.stringify(result));
  assert.equal(await begun.promise, '16', 'a TLS handshake');
});

test('a poll and a look-up may take longer than legacy.timeout where they have their own', async (t) => {
  const held = new Set<NodeJS.Timeout>();
  atEnd(t, () => held.forEach((each) => clearTimeout(each)));
  const system = await socketSystem(
    t,
    () =>
      new Promise((resolve) =>
        held.add(
          setTimeout(
            () => resolve(http(200, { id: 'A-1', status: 'done', externalId: 'ana-1' })),
            2_500,
          ),
        ),
      ),
  );
  const legacy = described(
    '{ timeout: 100ms, poll: { timeout: 1m }, lookup: { path: "/by/{id}", timeout: 1m, after: 1s } }',
    { LEGACY_URL: system.url },
  );
  const client = createLegacy(legacy);
  atEnd(t, () => client.close());
  const [status, found, posted] = await Promise.all([
    client.status('A-1'),
    client.lookUp('ana-1'),
    client.submit(BODY, 'k'),
  ]);
  assert.deepEqual(status, { kind: 'done' });
  assert.equal(found.kind, 'found');
  assert.ok(posted.kind === 'unknown');
  assert.match(posted.reason, /no answer within 100 ms/);
});
