/** Answers over HTTP, right and wrong. `sent` is for text that Node would refuse to send. */
import { gzipSync } from 'node:zlib';
import type { Answer, Exchange } from './hostile.ts';

type Text = string | Buffer | ((exchange: Exchange) => string | Buffer);

const textOf = (text: Text, exchange: Exchange): string | Buffer =>
  typeof text === 'function' ? text(exchange) : text;

const DRIP_MS = 100;
const FLOOD_BYTES = 500 * 1024 * 1024;
const BLOCK = Buffer.alloc(256 * 1024, ' ');

/** An answer as any server gives it. */
export const plain = (
  status: number,
  text: Text,
  headers: Record<string, string> = {},
): Answer => ({
  files: false,
  give(exchange) {
    exchange.response.writeHead(status, { 'content-type': 'application/json', ...headers });
    exchange.response.end(textOf(text, exchange));
  },
});

/** These bytes, and then the end of the connection. */
export const sent = (text: Text): Answer => ({
  files: false,
  give(exchange) {
    exchange.socket.end(textOf(text, exchange));
  },
});

/** The same, by a system that has filed the registration all the same. */
export const filed = (answer: Answer): Answer => ({ ...answer, files: true });

export const withId = (exchange: Exchange): string => JSON.stringify({ id: exchange.requestId });
export const accept = filed(plain(201, withId));

export const state =
  (status: string, more: object = {}) =>
  ({ requestId }: Exchange): string =>
    JSON.stringify({ id: requestId, status, ...more });
export const done = plain(200, state('done'));
export const processing = plain(200, state('processing'));

/** To another server, which must not be asked. */
export const redirect = (status: number): Answer => ({
  files: false,
  give: (exchange) => plain(status, '', { location: exchange.elsewhere }).give(exchange),
});

export const nothing: Answer = { files: false, give: () => {} };
export const hangUp: Answer = { files: false, give: ({ socket }) => void socket.destroy() };
export const reset: Answer = { files: false, give: ({ socket }) => void socket.resetAndDestroy() };

/** Half an answer of the announced length, and then the end. */
export const cut = (status: number): Answer =>
  sent(({ requestId }) => `${head(status, 'content-length: 500')}{"id":"${requestId}","sta`);

/** The first chunk of several, and then the end. */
export const cutChunked = (status: number): Answer =>
  sent(({ requestId }) => {
    const chunk = `{"id":"${requestId}",`;
    return `${head(status, 'transfer-encoding: chunked')}${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  });

/** A status line and headers, up to where the body begins. */
export const head = (status: number, ...headers: string[]): string =>
  [`HTTP/1.1 ${status} As It Is`, 'content-type: application/json', ...headers, '', ''].join(
    '\r\n',
  );

export const whole = (status: number, text: string): string =>
  head(status, `content-length: ${Buffer.byteLength(text)}`) + text;

/** A good body, one byte at a time: slower than any deadline. */
export const drip = (status: number): Answer => ({
  files: false,
  give(exchange) {
    exchange.response.writeHead(status, { 'content-type': 'application/json' });
    const letters = [...' '.repeat(1_000), ...withId(exchange)];
    const timer = setInterval(() => {
      const letter = letters.shift();
      if (letter === undefined) exchange.response.end();
      else exchange.response.write(letter);
    }, DRIP_MS);
    exchange.response.on('close', () => clearInterval(timer));
  },
});

/** 500 MB of blanks, as fast as they are read. */
export const flood = (status: number): Answer => ({
  files: false,
  give({ response }) {
    response.writeHead(status, { 'content-type': 'application/json' });
    let left = FLOOD_BYTES;
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= BLOCK.length;
        if (!response.write(BLOCK)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  },
});

/** The connection ends with the answer, and nobody said so. */
export const lastOfConnection = (answer: Answer): Answer => ({
  ...answer,
  give(exchange) {
    exchange.response.on('finish', () => exchange.socket.end());
    answer.give(exchange);
  },
});

/** Somebody else's clock. */
export const ANOTHER_TIME = { date: 'Thu, 01 Jan 1970 00:00:00 GMT', age: '999999999' };

export const HTML = '<html><body>Run-time error 13: Type mismatch</body></html>';
export const html = { 'content-type': 'text/html' };
export const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
export const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');
export const bare = (fields: Record<string, unknown>) => (): string => JSON.stringify(fields);
