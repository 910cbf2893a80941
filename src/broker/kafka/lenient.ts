/** Answers of a broker of which a part is good. The library throws such an answer away as a whole. */
import { Base, ResponseError, kGetApi, type API, type Callback } from '@platformatic/kafka';

type AnyApi = API<unknown[], unknown>;

/** What the other partitions have is in the answer; each faulty one has its `errorCode`. */
const FORGIVEN = ['Metadata', 'Fetch'];

/**
 * A client that goes on where something is wrong with single partitions of a topic: one without a leader has the leader -1. The
 * library asks for metadata before all that it does, so that it could otherwise neither join, nor read, nor publish anywhere in the topic.
 */
export function lenient<C extends Base>(client: C): C {
  const getApi = (name: string, callback: Callback<AnyApi>): void =>
    Base.prototype[kGetApi].call(client, name, (error, api?: AnyApi) =>
      callback(error, api !== undefined && FORGIVEN.includes(name) ? forgiving(api) : api),
    );
  return Object.defineProperty(client, kGetApi, { value: getApi });
}

function forgiving(api: AnyApi): AnyApi {
  const asked: AnyApi = Object.assign(
    (...[connection, ...args]: Parameters<AnyApi>) => {
      const answer = args.pop();
      api(connection, ...args, (error: Error | null, response: unknown) => {
        const part = error === null ? null : partOf(error);
        if (isCallback(answer)) answer(part === null ? error : null, part ?? response);
      });
    },
    { async: api.async, key: api.key, version: api.version },
  );
  return asked;
}

const isCallback = (value: unknown): value is Callback<unknown> => typeof value === 'function';

const partOf = (error: Error): unknown =>
  error instanceof ResponseError && error.errors.every(isOfPartition)
    ? Reflect.get(error, 'response')
    : null;

const isOfPartition = (error: unknown): boolean =>
  error instanceof Error && /\/partitions\/\d+$/.test(String(Reflect.get(error, 'path')));
