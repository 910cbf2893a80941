// Is a server up? Only a real answer in its own protocol counts, never an open port alone.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Sends bytes and collects the answer until `complete(bytes)` gives something.
 * @throws Error when there is none within `ms`
 */
export function converse(host, port, bytes, complete, ms = 2000) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let answer = Buffer.alloc(0);
    const fail = (why) => {
      socket.destroy();
      reject(new Error(`${host}:${port}: ${why}`));
    };
    socket.setTimeout(ms, () => fail(`no answer within ${ms} ms`));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed without an answer'));
    socket.once('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const result = complete(answer);
      if (result === undefined) return;
      socket.destroy();
      resolve(result);
    });
  });
}

/** AMQP 0-9-1: the protocol header is answered by Connection.Start, which tells the version. */
export function amqpAnswers(url) {
  const { hostname, port } = new URL(url);
  return converse(hostname, Number(port || 5672), Buffer.from('AMQP\0\0\x09\x01'), (answer) => {
    if (answer.length < 7) return undefined;
    const length = answer.readUInt32BE(3) + 8;
    if (answer.length < length) return undefined;
    if (answer[0] !== 1 || answer.readUInt32BE(7) !== 0x000a000a) return undefined;
    // server-properties is a field table: the key, 'S', a length, the value
    const key = answer.indexOf('\x07versionS');
    if (key < 0) return { version: 'unknown' };
    const size = answer.readUInt32BE(key + 9);
    return { version: answer.toString('utf8', key + 13, key + 13 + size) };
  });
}

/** gRPC: the preface of HTTP/2 is answered (behind TLS by an alert, which is an answer too). */
export function grpcAnswers(address) {
  const { hostname, port } = new URL(`tcp://${address}`);
  const settings = '\0\0\0\x04\0\0\0\0\0';
  const bytes = Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`, 'latin1');
  return converse(hostname, Number(port || 7233), bytes, () => ({ version: 'unknown' }));
}

/** The body of a GET that was answered by 200. */
export async function httpAnswers(url, ms = 3000) {
  const response = await fetch(url, { signal: AbortSignal.timeout(ms) });
  const body = await response.text();
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}`);
  return body;
}

/**
 * Asks until the server answers.
 * @param alive tells whether its process still runs: one that ended will never answer
 * @throws Error that names the last answer
 */
export async function untilHealthy(check, { ms, alive, signal }) {
  const deadline = Date.now() + ms;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await check();
    } catch (error) {
      if (!alive()) throw new Error('it ended while starting');
      if (Date.now() > deadline)
        throw new Error(`no answer within ${ms / 1000} s: ${error.message}`);
    }
    await sleep(150);
  }
}
