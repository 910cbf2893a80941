import type { Document } from 'mongodb';

/** The clock of the server, in an expression: epoch ms. */
export const NOW: Document = { $toLong: '$$NOW' };

/** For what is written all the time, and of which a crash of MongoDB may lose a moment. */
export const LIGHT = { writeConcern: { w: 1, journal: false } } as const;
