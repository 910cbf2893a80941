import { createHash } from 'node:crypto';

/** SHA-256 of a message's raw bytes, hex: what claims, failure records and ledgers are compared by. */
export const bodyHashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
