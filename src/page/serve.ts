/** The operations page: a process of its own, which reads for all who look, and acts for those who may. */
import { randomBytes } from 'node:crypto';
import { getRequestListener } from '@hono/node-server';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { isLoopback } from '../net/asked-by.ts';
import { briefHttpServer, listen, stopServing } from '../net/listen.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { createAnswers } from './answers.ts';
import { createApp, problemAnswer, type Here } from './app.ts';
import { createCollector } from './collector.ts';
import { readFiles } from './files.ts';
import { refuseStrangers, setHeaders } from './guard.ts';
import { createLive } from './live.ts';
import { meOf } from './me.ts';
import { createMinutes } from './minutes.ts';
import { lastingReach } from './reach.ts';
import { createReadings } from './readings.ts';
import { openApiOf } from './openapi.ts';
import { parsed, Problem } from './problem.ts';
import { openSessionRequest, session } from './schemas.ts';
import { createSessions, type Key } from './sessions.ts';
import { createShow } from './show.ts';
import { actionsOf } from './acts.ts';

export interface PageOptions {
  config: Config;
  host: string;
  /** 0 for any free one. */
  port: number;
  environment: string | null;
  /** Who starts it: on this machine alone, and without a proxy, a token of this start signs him in. */
  starter: string;
  keys: readonly Key[];
  log: Log;
}

/**
 * `token`: of this start; null where others could use it, too.
 * @throws Error where others could ask and nobody would have to sign in, or where the port is taken
 */
export async function servePage(options: PageOptions) {
  const { config, host, port, environment, starter, keys, log } = options;
  const { page } = config;
  const isProxy = page.proxy.addresses.length > 0;
  if (!isLoopback(host) && keys.length === 0 && !isProxy)
    throw new Error(
      `On ${host} other machines could ask, and nobody of them could sign in: set PAGE_TOKEN or PAGE_VIEW_TOKEN, or page.proxy, or listen on 127.0.0.1`,
    );
  const reach = lastingReach(config, log);
  const readings = createReadings(config, reach, log);
  const show = createShow(config, readings, environment);
  const minutes = createMinutes(readings, reach);
  const collector = createCollector({
    cells: Object.values(readings),
    view: show,
    ticked: () => minutes.note(),
    log,
  });
  const changed = (): void => {
    for (const each of [readings.control, readings.actions, readings.redrives, readings.audits])
      each.expire();
    readings.doubts.expire();
    readings.failed.expire();
    readings.groups.expire();
    collector.hurry();
  };
  const token = isLoopback(host) && !isProxy ? randomBytes(32).toString('base64url') : null;
  const startKeys: Key[] =
    token === null ? [] : [{ name: starter, role: 'operator', mayReveal: true, secret: token }];
  const sessions = createSessions([...startKeys, ...keys], page.proxy);
  const live = createLive(collector);
  const me = meOf(config, environment);

  const openSession = async (here: Here): Promise<Response> => {
    const behindProxy = sessions.isProxy ? sessions.who(here.env.incoming) : null;
    if (behindProxy !== null)
      return here.json(z.encode(session, { token: null, expiresAt: null, me: me(behindProxy) }));
    if (sessions.isProxy)
      throw new Problem(401, 'Sign in at the proxy: beside it no token opens anything');
    const { token: secret, name = null } = parsed(openSessionRequest, await bodyOf(here));
    const { who, ...opened } = sessions.open(secret, name, here.env.incoming);
    log.info({ who: who.name, role: who.role }, 'Somebody has signed in to the page');
    return here.json(z.encode(session, { ...opened, me: me(who) }));
  };

  const answers = createAnswers({ config, reach, readings, collector, changed, me, log });
  const described = openApiOf(answers);
  const app = createApp({
    sessions,
    answers,
    special: {
      openSession,
      openApi: (here) => Promise.resolve(here.json(described)),
      live: (here, who) => {
        const isStillIn = () => sessions.who(here.env.incoming) !== null;
        return live(here.env.outgoing, { isStillIn, holder: who?.holder ?? '' });
      },
    },
    denied: (name, who, isLast) =>
      void reach
        .store(({ actions }) =>
          actionsOf(actions, who).act(
            { by: who.name, what: name, on: null, reason: null },
            () =>
              Promise.reject(
                new Error(
                  `denied: the role ${who.role} may not${isLast ? '. What is tried within this minute after it is not written down' : ''}`,
                ),
              ),
            () => '',
          ),
        )
        .catch((error: unknown) =>
          log.warn(
            { runbook: 'mongodb-away', ...errorFacts(error) },
            'A refused action on the page could not be written down',
          ),
        ),
    files: readFiles(),
    log,
  });

  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = briefHttpServer((request, response) => {
    setHeaders(response);
    try {
      refuseStrangers(request, page.names);
    } catch (error) {
      const problem = problemAnswer(error, request.url ?? '', log);
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
      void problem.text().then((text) => response.end(text));
      return;
    }
    void answer(request, response);
  }, MOST_CONNECTIONS);
  const taken = ({ message }: Error) =>
    `Cannot listen on ${host}:${port}: ${message}. Use another --port.`;
  const bound = await listen(server, host, port, taken);
  return {
    port: bound,
    token,
    async close(): Promise<void> {
      await Promise.all([stopServing(server), collector.close()]);
      await reach.close();
    },
  };
}

/** 50 streams, and what each page asks beside its own. */
const MOST_CONNECTIONS = 300;

const bodyOf = (here: Here): Promise<unknown> => here.req.json().catch(() => null);
