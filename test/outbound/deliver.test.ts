import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { httpHandler } from '../../src/config/http-handler.ts';
import { meaningOf } from '../../src/domain/http-statuses.ts';
import { openDelivery, type Parcel } from '../../src/outbound/deliver.ts';
import { eventually } from '../helpers/eventually.ts';
import { rawServer } from '../helpers/raw-server.ts';
import { atEnd, type Ending } from '../helpers/servers.ts';
import { webServer, type Respond } from '../helpers/web-server.ts';

const parcel = (given: Partial<Parcel> = {}): Parcel => ({
  ...{ idempotencyKey: 'k-1', attempt: 2, contentType: 'text/plain', headers: { 'x-own': 'a' } },
  body: Buffer.from('abc'),
  signal: new AbortController().signal,
  ...given,
});

function deliveryTo(t: Ending, url: string, given: object = {}) {
  const http = httpHandler().parse({ url, timeout: '2s', ...given });
  const delivery = openDelivery(http, { TOKEN: 'Bearer t' });
  atEnd(t, () => delivery.close());
  return delivery;
}

async function answered(t: Ending, respond: Respond, given: object = {}) {
  const server = await webServer(t, respond);
  return { server, ...deliveryTo(t, `${server.url}/in?x={name}`, given) };
}

test('a delivery has its bytes, length, digest and key, and the name is percent-encoded', async (t) => {
  const { server, deliver } = await answered(t, (_, response) => response.end(), {
    authorization_env: 'TOKEN',
  });
  const name = Buffer.from([0x61, 0xe9, 0x20, 0x0a]);
  assert.deepEqual(await deliver(parcel({ path: { name } })), { kind: 'ack', status: 200 });
  const [seen] = server.seen;
  const digest = createHash('sha256').update('abc').digest('base64');
  const headers: Record<string, unknown> = { ...seen?.headers };
  assert.deepEqual(
    [seen?.method, seen?.path, seen?.body, headers['content-length'], headers['content-digest']],
    ['POST', '/in?x=a%E9%20%0A', 'abc', '3', `sha-256=:${digest}:`],
  );
  assert.deepEqual(
    ['idempotency-key', 'x-attempt', 'x-own', 'authorization'].map((each) => headers[each]),
    ['k-1', '2', 'a', 'Bearer t'],
  );
});

test('2xx is ack, 4xx nack, the rest retry; some statuses say nothing of the item', () => {
  const all = [200, 204, 302, 400, 404, 422, 500, 503, 408, 425, 429, 401, 403, 407];
  assert.deepEqual(
    all.map((status) => meaningOf(status, {})),
    [
      ...['ack', 'ack', 'retry', 'nack', 'nack', 'nack', 'retry', 'retry'],
      ...['retry', 'retry', 'retry', 'hold', 'hold', 'hold'],
    ],
  );
  const literal = { '4xx': 'nack' } as const;
  assert.deepEqual(
    new Set([408, 425, 429, 401, 403, 407].map((each) => meaningOf(each, literal))),
    new Set(['nack']),
  );
  assert.equal(meaningOf(404, { '4xx': 'retry', '404': 'ack' }), 'ack');
});

test('a refusal has the beginning of its answer, and one that comes later says when', async (t) => {
  const { deliver } = await answered(t, ({ body }, response) => {
    if (body === 'abc') response.writeHead(422).end('no such customer');
    else response.writeHead(503, { 'retry-after': '7' }).end('x'.repeat(300_000));
  });
  assert.deepEqual(await deliver(parcel()), {
    ...{ kind: 'nack', status: 422, reason: 'HTTP 422', answer: 'no such customer' },
  });
  assert.deepEqual(await deliver(parcel({ body: Buffer.from('z') })), {
    ...{ kind: 'retry', status: 503, isUnknown: false, reason: 'HTTP 503', retryAfter: 7_000 },
  });
});

test('an answer after which it may have been taken is unknown, unless the settings say what the status means', async (t) => {
  const { deliver } = await answered(t, ({ body }, response) =>
    response.writeHead(Number(body)).end(),
  );
  const own = await answered(t, ({ body }, response) => response.writeHead(Number(body)).end(), {
    statuses: { '5xx': 'retry' },
  });
  const unknown = async (of: typeof deliver) => {
    const found: number[] = [];
    for (const status of [302, 408, 425, 429, 500, 501, 502, 503, 504]) {
      const answer = await of(parcel({ body: Buffer.from(String(status)) }));
      assert.ok(answer.kind === 'retry' && answer.reason === `HTTP ${status}`);
      if (answer.isUnknown) found.push(status);
    }
    return found;
  };
  assert.deepEqual(await unknown(deliver), [302, 408, 500, 502, 504]);
  assert.deepEqual(await unknown(own.deliver), [302, 408]);
});

test('credentials that are turned away hold the endpoint', async (t) => {
  const { deliver } = await answered(t, (_, response) => response.writeHead(403).end());
  const answer = await deliver(parcel());
  assert.deepEqual(answer, {
    ...{ kind: 'held', reason: 'HTTP 403: check the credentials', retryAfter: 10_000 },
  });
});

test('an answer that is lost is unknown, and an endpoint that is not there is not', async (t) => {
  const cut = await rawServer(t, (socket) => socket.once('data', () => socket.destroy()));
  const lost = await deliveryTo(t, cut.url).deliver(parcel());
  assert.ok(lost.kind === 'retry' && lost.isUnknown, JSON.stringify(lost));
  const away = await deliveryTo(t, 'http://127.0.0.1:1').deliver(parcel());
  assert.ok(away.kind === 'retry' && !away.isUnknown, JSON.stringify(away));
});

test('hints that come before an answer are none', async (t) => {
  const hinted = await rawServer(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')),
  );
  const lost = await deliveryTo(t, hinted.url).deliver(parcel());
  assert.ok(lost.kind === 'retry' && lost.isUnknown && lost.status === null, JSON.stringify(lost));
});

const INTERIM = 'HTTP/1.1 100 Continue\r\n\r\n';

test('answers that come before the real one unasked are passed over, however they are cut, and left alone in a body', async (t) => {
  const before = `${INTERIM}HTTP/1.1 102 Processing\r\nx-own: a\r\n\r\n${INTERIM}`;
  const head = `HTTP/1.1 422 No\r\ncontent-length: ${INTERIM.length}\r\n\r\n`;
  let connections = 0;
  const server = await rawServer(t, (socket) => {
    connections += 1;
    socket.setNoDelay();
    socket.on('data', (request) => {
      if (!request.toString().includes('abc')) return;
      const pieces = [...(before + head), INTERIM].values();
      const next = (): void => {
        const { value } = pieces.next();
        if (value !== undefined) socket.write(value, () => setImmediate(next));
      };
      next();
    });
  });
  const { deliver } = deliveryTo(t, server.url);
  const refused = { kind: 'nack', status: 422, reason: 'HTTP 422', answer: INTERIM };
  for (let n = 0; n < 5; n += 1) assert.deepEqual(await deliver(parcel()), refused);
  assert.ok(connections < 5, 'none was used again');
});

test('an endpoint that says early and unasked that it goes on reading is sent all of a file', async (t) => {
  const body = await largeFile(t, 32 * 1024 * 1024);
  let heard = 0;
  const server = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write(INTERIM));
    socket.on('data', (piece: Buffer) => {
      heard += piece.length;
      if (heard > body.size) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  });
  const { deliver } = deliveryTo(t, server.url, { timeout: '1m' });
  assert.deepEqual(await deliver(parcel({ body })), { kind: 'ack', status: 200 });
});

test('a status whose body is cut still counts', async (t) => {
  const cut = await rawServer(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf')),
  );
  assert.equal((await deliveryTo(t, cut.url).deliver(parcel())).kind, 'ack');
});

/** With nothing in it: it costs no disk. */
async function largeFile(t: Ending, size: number) {
  const folder = mkdtempSync(join(tmpdir(), 'deliver-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, '');
  truncateSync(path, size);
  const file = await open(path);
  atEnd(t, () => file.close());
  return { file, size, sha256: Buffer.alloc(32) };
}

test('an endpoint that answers before it has read a file is sent the whole of it', async (t) => {
  const body = await largeFile(t, 32 * 1024 * 1024);
  let heard = 0;
  const server = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    socket.on('data', (piece: Buffer) => void (heard += piece.length));
  });
  assert.deepEqual(await deliveryTo(t, server.url).deliver(parcel({ body })), {
    ...{ kind: 'ack', status: 200 },
  });
  await eventually('all of it has come', () => assert.ok(heard > body.size));
});

test('an endpoint that has answered, and reads no more, has the file already', async (t) => {
  const body = await largeFile(t, 32 * 1024 * 1024);
  const server = await rawServer(t, (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      socket.pause();
    }),
  );
  const { deliver } = deliveryTo(t, server.url, { timeout: '1h' });
  assert.equal((await deliver(parcel({ body }))).kind, 'ack');
});

test('an endpoint that asks for a rest without end is asked again within a day', async (t) => {
  const { deliver } = await answered(t, (_, response) =>
    response.writeHead(503, { 'retry-after': '9'.repeat(30) }).end(),
  );
  const answer = await deliver(parcel());
  assert.ok(answer.kind === 'retry' && answer.retryAfter === 24 * 3_600_000);
});

test('a file is streamed; one that is not as long as it was is told, and its request broken off', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deliver-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, 'x'.repeat(200_000));
  const file = await open(path);
  atEnd(t, () => file.close());
  const { server, deliver } = await answered(t, (_, response) => response.end());
  const sha256 = createHash('sha256').update('').digest();
  const sent = await deliver(parcel({ body: { file, size: 200_000, sha256 } }));
  assert.equal(sent.kind, 'ack');
  assert.equal(server.seen[0]?.body.length, 200_000);
  for (const size of [200_001, 199_999]) {
    const changed = await deliver(parcel({ body: { file, size, sha256 } }));
    assert.equal(changed.kind, 'changed', JSON.stringify(changed));
  }
  assert.equal(server.seen.length, 1);
});

test('a variable that is missing is named before anything is sent', () => {
  const http = httpHandler().parse({ url: 'http://localhost', authorization_env: 'NOT_SET' });
  assert.throws(() => openDelivery(http, {}), /NOT_SET, and that variable is not set/);
});
