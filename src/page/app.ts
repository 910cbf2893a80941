/** The routes of the table, each behind its right. */
import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { HttpBindings } from '@hono/node-server';
import { jsonText } from '../runtime/foreign-text.ts';
import type { Log } from '../runtime/log.ts';
import { createRepeats, type Answering } from './answering.ts';
import { Problem, problemOf } from './problem.ts';
import { isAllowed, ROUTE_NAMES, ROUTES, type Route, type RouteName } from './routes.ts';
import { createCounter, type Sessions, type Who } from './sessions.ts';

export type Here = Context<{ Bindings: HttpBindings }>;

/** Those that answer in a way of their own. */
const SPECIAL = ['openSession', 'live', 'openApi'] as const satisfies RouteName[];
export type Special = (typeof SPECIAL)[number];

interface Needs {
  sessions: Sessions;
  answers: Record<Exclude<RouteName, Special>, Answering>;
  special: Record<Special, (here: Here, who: Who | null) => Promise<Response>>;
  /** Writes down what somebody was not allowed to do. `isLast`: for a while no more of him is written down. */
  denied: (name: RouteName, who: Who, isLast: boolean) => void;
  files: ReadonlyMap<string, { type: string; body: Buffer }>;
  log: Log;
}

const LARGEST = 64 * 1024;
/** For an answer to come: for so long it is known under its key, too. */
const LONGEST_MS = 10 * 60_000;
/** Of one proxy's user, or of all who have one token, within a minute. */
const MOST_ACTIONS = 60;
const MOST_DENIED = 5;

export function createApp({ sessions, answers, special, denied, files, log }: Needs) {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const repeats = createRepeats();
  const acted = createCounter(MOST_ACTIONS);
  const refused = createCounter(MOST_DENIED);

  const tooLarge = () => {
    throw new Problem(413, `Send at most ${LARGEST / 1024} KiB`);
  };
  app.use('/api/*', bodyLimit({ maxSize: LARGEST, onError: tooLarge }));

  for (const name of ROUTE_NAMES) {
    const route: Route = ROUTES[name];
    app.on(route.method, route.path, async (here) => {
      const who = sessions.who(here.env.incoming);
      if (!isAllowed(route.right, who?.role ?? null, who?.mayReveal === true)) {
        if (who === null) throw new Problem(401, SIGN_IN);
        if (route.method === 'POST' && !refused.isOver(who.holder)) {
          refused.add(who.holder);
          denied(name, who, refused.isOver(who.holder));
        }
        throw new Problem(403, `This needs the right "${route.right}", and you are ${who.role}`);
      }
      if (isSpecial(name)) return special[name](here, who);
      if (who === null) throw new Problem(401, SIGN_IN);
      return answer(here, name, route, who);
    });
  }

  async function answer(
    here: Here,
    name: Exclude<RouteName, Special>,
    route: Route,
    who: Who,
  ): Promise<Response> {
    const text = route.method === 'POST' ? await here.req.text() : '';
    // Many doubts or records take their time, and nothing is sent meanwhile.
    here.env.outgoing.setTimeout(LONGEST_MS);
    const work = () =>
      answers[name].run({
        who,
        param: (each) => here.req.param(each) ?? '',
        query: here.req.query(),
        body: route.method === 'POST' ? jsonOf(text) : null,
        version: versionIn(here.req.header('if-match')),
      });
    const limited = async () => {
      if (acted.isOver(who.holder))
        throw new Problem(429, `At most ${MOST_ACTIONS} actions a minute: wait a little`);
      acted.add(who.holder);
      return work();
    };
    const once = () =>
      repeats.once(
        here.req.header('idempotency-key'),
        who.name,
        createHash('sha256').update(`${name} ${text}`).digest('hex'),
        limited,
      );
    // A message that was shown is not kept to be shown again: each look is written down.
    const given = await (route.right === 'act'
      ? once()
      : route.right === 'reveal'
        ? limited()
        : work());
    return here.body(jsonText(JSON.stringify(given.body)), given.status, {
      'content-type': 'application/json',
      ...(given.location === undefined ? {} : { location: given.location }),
    });
  }

  app.get('*', (here) => {
    const file = files.get(here.req.path);
    if (file === undefined) throw new Problem(404, 'There is no such page');
    return here.body(new Uint8Array(file.body), 200, { 'content-type': file.type });
  });
  app.notFound(() => {
    throw new Problem(404, 'There is no such route');
  });
  app.onError((error, here) => problemAnswer(error, here.req.path, log));
  return app;
}

export function problemAnswer(error: unknown, path: string, log: Log): Response {
  const body = problemOf(error, path.slice(0, 200), log);
  return new Response(jsonText(JSON.stringify(body)), {
    status: body.status,
    headers: { 'content-type': 'application/problem+json' },
  });
}

const SIGN_IN = 'Open the link that the page printed at its start, or sign in at the proxy';

const isSpecial = (name: RouteName): name is Special => SPECIAL.some((each) => each === name);

/** One that is ignored would change what somebody else has changed meanwhile. */
function versionIn(header: string | undefined): string | null {
  if (header === undefined) return null;
  const [, version] = /^"(.*)"$/.exec(header) ?? [];
  if (version === undefined) throw new Problem(400, 'Send If-Match as one version in quotes');
  return version;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'The body is no JSON');
  }
}
