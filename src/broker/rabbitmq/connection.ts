/**
 * A connection to RabbitMQ that comes back. amqplib's own recovery is blind while its setup runs, and leaves a single closed
 * channel closed (docs/decisions/0004-own-rabbit-supervisor.md). So here any loss ends the whole connection, and a new one is
 * set up from the start.
 */
// Both before amqplib.
import './amqp-tables.ts';
import { withBrokersWords } from './amqp-close.ts';
import { connect, type ChannelModel, type Options } from 'amqplib';
import { insist, within } from '../../runtime/retry.ts';
import { errorFacts, type Log } from '../../runtime/log.ts';
import { BrokerRefusal } from '../refusals.ts';
import { refusedLogin } from './refusal.ts';
import { decodedOrBare } from '../../domain/decoded.ts';
import { NO_TLS_FILES, readTls, withTlsTrouble, type TlsFiles } from '../../net/tls.ts';

export type RabbitConnection = ChannelModel;

export interface LinkOptions {
  url: string;
  /** Shown in the management page. */
  name: string;
  heartbeatMs: number;
  /** Read at each connection, so that renewed certificates are taken up. */
  tls?: TlsFiles;
  log: Log;
  /** Aborted: it is not tried any more. One that is up is closed by `close`. */
  giveUp?: AbortSignal | undefined;
  /** Opens channels and consumers on a fresh connection; `lost` ends the connection. */
  setup: (connection: ChannelModel, lost: (why: Error) => void) => Promise<void>;
  /** Called when a connection that was set up is gone. */
  down: () => void;
}

const CONNECT_MS = 5_000;
const SETUP_MS = 20_000;

/** The caller closes it. @throws Error that names the masked address; BrokerRefusal when trying again is of no use */
export async function connectOnce(
  url: string,
  name: string,
  heartbeatMs: number,
  tls: TlsFiles = NO_TLS_FILES,
): Promise<ChannelModel> {
  try {
    const connection = await connect(targetOf(url, heartbeatMs), {
      timeout: CONNECT_MS, // without it a half-open peer is waited for without end
      keepAlive: true,
      noDelay: true,
      ...readTls(tls),
      clientProperties: { connection_name: name },
    });
    // An 'error' without a listener would end the process; what follows from it comes with 'close'.
    connection.on('error', () => {});
    return connection;
  } catch (caught) {
    const error = withBrokersWords(caught);
    throw refusedLogin(error, url, withTlsTrouble(errorFacts(error).error, error, 'rabbit'));
  }
}

/** In parts: amqplib takes percent-encoded credentials in a URL for Latin-1. */
function targetOf(url: string, heartbeatMs: number): Options.Connect {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  const given = (name: string) => {
    const value = Number(searchParams.get(name) ?? undefined);
    return Number.isSafeInteger(value) ? { [name]: value } : {};
  };
  const isNamed = username !== '' || password !== '';
  return {
    protocol: protocol.replace(':', ''),
    hostname: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(isNamed ? { username: decodedOrBare(username), password: decodedOrBare(password) } : {}),
    // amqplib decodes this one itself.
    vhost: pathname.slice(1),
    frameMax: 131_072,
    ...given('frameMax'),
    ...given('channelMax'),
    heartbeat: Math.max(1, Math.round(heartbeatMs / 1000)),
  };
}

/**
 * Keeps a connection up until `close`. Resolves when it was set up for the first time.
 * @throws what `setup` threw the first time, when `isFinal` says that trying again is of no use; later it may be of use
 */
export async function supervise(
  options: LinkOptions,
  isFinal: (error: unknown) => boolean = (error) => error instanceof BrokerRefusal,
) {
  const { url, name, heartbeatMs, tls, log } = options;
  const stop = new AbortController();
  options.giveUp?.addEventListener('abort', () => stop.abort(), { once: true });
  let current: ChannelModel | null = null;
  let ready = false;
  let lose: (why: Error) => void = () => {};

  // The promise is wrapped, since an async function would wait for it.
  const open = async (): Promise<{ gone: Promise<Error> }> => {
    const connection = await connectOnce(url, name, heartbeatMs, tls);
    const gone = new Promise<Error>((resolve) => {
      connection.on('error', resolve);
      // A broker that shuts down emits only 'close'.
      connection.on('close', (error?: Error) => {
        resolve(error ?? new Error('closed'));
        // Not to be closed again: amqplib would not answer, and the next connection would wait for that.
        if (current === connection) current = null;
      });
      current = connection;
      lose = resolve;
    });
    const early = gone.then((why) => Promise.reject(why));
    early.catch(() => {});
    try {
      await within(
        SETUP_MS,
        'RabbitMQ setup',
        Promise.race([options.setup(connection, lose), early]),
      );
      // Closed while it was being set up.
      stop.signal.throwIfAborted();
    } catch (error) {
      await closeQuietly(connection);
      throw error;
    }
    ready = true;
    return { gone };
  };

  const keep = (isFinal: (error: unknown) => boolean) =>
    insist(open, {
      stop: stop.signal,
      isFinal,
      failed: (error, restMs) =>
        log.warn(
          { runbook: 'broker-away', ...errorFacts(error), restMs },
          `Cannot connect to RabbitMQ (${name})`,
        ),
    });

  const watch = async (first: { gone: Promise<Error> }): Promise<void> => {
    for (let link = first; ;) {
      const why = await link.gone;
      ready = false;
      options.down();
      if (current !== null) await closeQuietly(current);
      if (stop.signal.aborted) return;
      log.warn({ runbook: 'broker-away', ...errorFacts(why) }, `RabbitMQ (${name}) was lost`);
      link = await keep(() => false);
      log.info({}, `RabbitMQ (${name}) is back`);
    }
  };

  const first = await keep(isFinal);
  const ended = watch(first).catch((error: unknown) => {
    if (!stop.signal.aborted)
      log.error(
        { runbook: 'broker-away', ...errorFacts(error) },
        `Stopped reconnecting to RabbitMQ (${name})`,
      );
  });
  return {
    isReady: (): boolean => ready,
    /** Ends the connection for good; what was not acknowledged goes back to the queue. */
    close: async (): Promise<void> => {
      stop.abort();
      lose(new Error('closed by us'));
      await ended;
    },
  };
}

/** amqplib's close has no deadline, and on a dead connection never settles. */
async function closeQuietly(connection: ChannelModel): Promise<void> {
  await within(3_000, 'close', connection.close()).catch(() => {});
}
