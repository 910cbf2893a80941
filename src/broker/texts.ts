/** Bytes of a broker as texts, so that different bytes never become one text. */
import { isUtf8 } from 'node:buffer';

const HEX = /^hex:(?:[0-9a-f]{2})+$/;

/** Of an id or a header: in hex what is no UTF-8. */
export const textOf = (bytes: Buffer): string =>
  isUtf8(bytes) ? bytes.toString() : bytes.toString('hex');

/** A key as handlers and claims have it: in hex, and marked, what is no UTF-8, or reads like that. */
export function keyText(key: Buffer): string {
  const text = key.toString();
  return isUtf8(key) && !HEX.test(text) ? text : `hex:${key.toString('hex')}`;
}

/** The bytes that `keyText` was given. */
export const keyBytes = (text: string): Buffer =>
  HEX.test(text) ? Buffer.from(text.slice(4), 'hex') : Buffer.from(text);
