/** Messages as they are on the wire, which no client would write: by a socket of our own. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { eventually } from './eventually.ts';

/** A field of a header table. The name is ASCII, the value has its tag. */
export const field = (name: string, tag: string, value: Buffer | number[] = []): Buffer =>
  Buffer.concat([Buffer.from([name.length]), Buffer.from(`${name}${tag}`), Buffer.from(value)]);

/** A long string, a table or an array: a length and what follows. */
export const sized = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const short = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const u16 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 255])));

const frame = (type: number, channel: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), u16(channel), sized(payload), Buffer.from([0xce])]);
const method = (channel: number, classId: number, methodId: number, ...args: Buffer[]): Buffer =>
  frame(1, channel, Buffer.concat([u16(classId, methodId), ...args]));

/**
 * Publishes each body with its header table, confirmed, to a queue.
 * @throws Error when the broker refuses one
 */
export async function publishRaw(
  url: string,
  queue: string,
  messages: { body: Buffer; headers: Buffer }[],
): Promise<void> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const vhost = pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : '/';
  const socket = connect(Number(port === '' ? 5672 : port), hostname);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.on('error', () => {});
  const hasMethod = (classId: number, methodId: number) =>
    received.includes(u16(classId, methodId));
  const answer = async (classId: number, methodId: number): Promise<void> => {
    const isRefused = await eventually(`the broker's ${classId}.${methodId}`, () => {
      if (hasMethod(10, 50) || hasMethod(20, 40) || socket.closed) return true;
      assert.ok(hasMethod(classId, methodId));
      return false;
    });
    if (isRefused) throw new Error(`refused: ${received.toString('latin1')}`);
    received = Buffer.alloc(0);
  };
  try {
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
    await answer(10, 10);
    const login = Buffer.from(`\0${decodeURIComponent(username)}\0${decodeURIComponent(password)}`);
    socket.write(
      method(0, 10, 11, sized(Buffer.alloc(0)), short('PLAIN'), sized(login), short('en_US')),
    );
    await answer(10, 30);
    const tune = Buffer.concat([u16(2_047), Buffer.from([0, 2, 0, 0]), u16(0)]);
    socket.write(method(0, 10, 31, tune));
    socket.write(method(0, 10, 40, short(vhost), short(''), Buffer.from([0])));
    await answer(10, 41);
    socket.write(method(1, 20, 10, short('')));
    await answer(20, 11);
    socket.write(method(1, 85, 10, Buffer.from([0])));
    await answer(85, 11);
    for (const { body, headers } of messages) {
      const size = Buffer.alloc(8);
      size.writeBigUInt64BE(BigInt(body.length));
      const properties = Buffer.concat([u16(60, 0), size, u16(0x2000 | 0x1000), sized(headers)]);
      socket.write(
        Buffer.concat([
          method(1, 60, 40, u16(0), short(''), short(queue), Buffer.from([0])),
          frame(2, 1, Buffer.concat([properties, Buffer.from([2])])),
          frame(3, 1, body),
        ]),
      );
      await answer(60, 80);
    }
  } finally {
    socket.destroy();
  }
}
