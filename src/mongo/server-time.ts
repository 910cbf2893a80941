import type { Db, Document } from 'mongodb';

/** The clock of the server, in an expression: epoch ms. */
export const NOW: Document = { $toLong: '$$NOW' };

/** What time it is by the server's clock, epoch ms. @throws what MongoDB throws */
export async function serverTime(db: Db): Promise<number> {
  const { localTime }: Document = await db.command({ hello: 1 });
  return localTime instanceof Date ? localTime.getTime() : Date.now();
}

/** For what is written all the time, and of which a crash of MongoDB may lose a moment. */
export const LIGHT = { writeConcern: { w: 1, journal: false } } as const;
