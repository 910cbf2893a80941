/** What MongoDB refuses for good while it is opened, said so that a person knows what to change. */
import { MongoServerError } from 'mongodb';
import type { Config } from '../config/schema.ts';
import { maskUrl } from '../runtime/mask.ts';

const UNAUTHORIZED = 13;
const DATABASE_DIFFERS_IN_CASE = 13_297;

/** The error to throw instead of `error`: itself, where there is no more to say. */
export function explainRefusal(
  { mongodbUri }: Pick<Config, 'mongodbUri'>,
  database: string,
  error: unknown,
): unknown {
  if (!(error instanceof MongoServerError)) return error;
  const place = `MongoDB at ${maskUrl(mongodbUri)}`;
  switch (error.code) {
    case UNAUTHORIZED:
      return new Error(`${place}: ${missing(error.message, database)}`, { cause: error });
    case DATABASE_DIFFERS_IN_CASE:
      return new Error(
        `${place}: it has a database whose name differs from "${database}" in upper and lower case only. Write the name in mongodb.database, or in MONGODB_URI, as it is there`,
        { cause: error },
      );
    default:
      return error;
  }
}

function missing(message: string, database: string): string {
  if (/requires authentication/.test(message)) {
    return 'it wants a user and a password. Write them into MONGODB_URI';
  }
  const action = /execute command \{ (\w+):/.exec(message)?.[1] ?? 'do something it has to do';
  const may = `the user of MONGODB_URI may not ${action} in the database "${database}"`;
  return action === 'collMod'
    ? `${may}, which is needed because mongodb.retention, legacy.maxOpen or legacy.deadline was changed. Give it the role dbAdmin on that database, or set that back`
    : `${may}. Give it the role readWrite on that database`;
}
