import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { test } from 'node:test';
import { createCoreClient } from '../../src/simulator/core-client.ts';
import { file, poll, post, simulatorFor } from './harness.ts';

test('with the core down POST and GET are 503 and nothing is accepted; up again, all is known', async (t) => {
  const simulator = await simulatorFor(t);
  const requestId = await file(simulator, { id: 'r-1' });
  await simulator.stopCore();
  assert.equal((await post(simulator, { id: 'r-2' })).status, 503);
  assert.equal((await poll(simulator, requestId)).status, 503);
  const { accepted, notAccepted } = simulator.stats();
  assert.deepEqual({ accepted, notAccepted }, { accepted: 1, notAccepted: 1 });

  await simulator.startCore();
  assert.equal((await poll(simulator, requestId)).body['status'], 'done');
  await file(simulator, { id: 'r-2' });
});

test('a core that goes down under load leaves every POST either accepted and answered or not accepted', async (t) => {
  const simulator = await simulatorFor(t, { answerDelay: { minMs: 1, maxMs: 5 } });
  const statuses: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < 600) statuses.push((await post(simulator, { id: `r-${next++}` })).status);
  };
  const load = Promise.all(Array.from({ length: 30 }, lane));
  while (simulator.stats().accepted < 100) await new Promise((resolve) => setImmediate(resolve));
  await simulator.stopCore();
  await load;
  const { accepted, notAccepted } = simulator.stats();
  assert.equal(statuses.filter((status) => status === 201).length, accepted);
  assert.equal(statuses.filter((status) => status === 503).length, notAccepted);
  assert.ok(notAccepted > 0);
  assert.equal(accepted + notAccepted, statuses.length);
});

test('stopping twice and starting twice is as good as once', async (t) => {
  const simulator = await simulatorFor(t);
  await Promise.all([simulator.stopCore(), simulator.stopCore()]);
  await Promise.all([simulator.startCore(), simulator.startCore()]);
  await file(simulator, { id: 'r-1' });
});

test('the core answers anyone who speaks its protocol, and refuses what it does not know', async (t) => {
  const simulator = await simulatorFor(t);
  const socket = createConnection({ host: '127.0.0.1', port: simulator.corePort });
  t.after(() => socket.destroy());
  socket.setEncoding('latin1');
  socket.write(
    'CADASTRAR|r-1|key|0|RECUSA|motivo\r\nCONSULTAR|XXXXXX-X\r\nBOM DIA\r\nCADASTRAR|r\r\n',
  );
  let text = '';
  while (text.split('\r\n').length < 5) {
    const chunk: unknown[] = await once(socket, 'data');
    text += String(chunk[0]);
  }
  const [accepted = '', ...rest] = text.split('\r\n');
  assert.match(accepted, /^OK\|[A-Z0-9]{6}-[A-Z0-9]$/);
  assert.deepEqual(rest, [
    'ERRO|53|PROTOCOLO NAO ENCONTRADO',
    'ERRO|5|COMANDO INVALIDO',
    'ERRO|5|CADASTRO INVALIDO',
    '',
  ]);
  const answer = await poll(simulator, accepted.slice(3));
  assert.equal(answer.body['reason'], 'motivo');
});

test('a command on its way when the connection breaks is told apart from one never sent', async (t) => {
  const server = createServer((socket) => socket.on('data', () => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = createCoreClient('127.0.0.1');
  t.after(() => client.disconnect());
  assert.deepEqual(await client.ask(['CONSULTAR', 'x']), { kind: 'down', sent: false });
  await client.connect(address.port);
  assert.deepEqual(await client.ask(['CONSULTAR', 'x']), { kind: 'down', sent: true });
});

test('a lost connection to the core is made again', async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    if (connections === 1) socket.destroy();
    else socket.on('data', () => socket.write('OK|PENDENTE\r\n'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = createCoreClient('127.0.0.1');
  await client.connect(address.port);
  await once(server, 'connection');
  let answer = await client.ask(['CONSULTAR', 'x']);
  while (answer.kind === 'down') {
    await new Promise((resolve) => setImmediate(resolve));
    answer = await client.ask(['CONSULTAR', 'x']);
  }
  assert.deepEqual(answer.fields, ['OK', 'PENDENTE']);
  await client.disconnect();
});
