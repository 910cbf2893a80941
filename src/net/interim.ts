/**
 * Takes answers off a connection that only go before another one (RFC 9110, 15.2). Any server may send them unasked, and at "100
 * Continue" undici breaks the connection off (client-h1.js, onHeadersComplete): nobody would know whether the request was taken.
 */
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const BEGIN = 'HTTP/1.1 1';
/** Nothing of HTTP follows it. */
const UPGRADE = 'HTTP/1.1 101';
const END = '\r\n\r\n';
/** undici refuses a head that is longer. */
const MOST_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/** Connections whose request has no answer yet. */
const unanswered = new WeakSet<Socket>();

/** Comes just before the first byte of a request is written. */
subscribe('undici:client:sendHeaders', (sent) => {
  if (
    typeof sent === 'object' &&
    sent !== null &&
    'socket' in sent &&
    sent.socket instanceof Socket
  )
    unanswered.add(sent.socket);
});

export function skipInterim(socket: Socket): void {
  const read = socket.read.bind(socket);
  let begun: Buffer = NOTHING;
  socket.read = (size?: number): unknown => {
    const piece: unknown = read(size);
    if (!Buffer.isBuffer(piece) || !unanswered.has(socket)) return piece;
    begun = Buffer.concat([begun, piece]);
    while (isInterim(begun)) {
      const end = begun.indexOf(END);
      if (end < 0) return null;
      begun = begun.subarray(end + END.length);
    }
    unanswered.delete(socket);
    const answer = begun;
    begun = NOTHING;
    return answer;
  };
}

/** Or may become one, with the bytes that follow. */
function isInterim(bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 0, UPGRADE.length);
  if (head === UPGRADE || bytes.length > MOST_BYTES) return false;
  return head.startsWith(BEGIN) || BEGIN.startsWith(head);
}
