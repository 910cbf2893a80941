/**
 * Every route of the page, and who may use it: this table routes, tells GET /api/v1/me what is allowed, and is tested row by row. It
 * imports nothing, so that the browser's part can have it. Their requests and answers: schemas.ts.
 */

/** `open`: without a session. `view`: whoever is signed in. `act`: changes something. `reveal`: reads a message. */
export type Right = 'open' | 'view' | 'act' | 'reveal';

export interface Route {
  method: 'GET' | 'POST';
  /** With `:name` for a part that varies; percent-encoded. */
  path: string;
  right: Right;
}

export const ROUTES = {
  openSession: { method: 'POST', path: '/api/v1/session', right: 'open' },
  me: { method: 'GET', path: '/api/v1/me', right: 'view' },
  /** This API, described (openapi.ts). */
  openApi: { method: 'GET', path: '/api/openapi.json', right: 'view' },
  /** Server-sent events: the name of each is that of a view, its data what GET answers for that view. */
  live: { method: 'GET', path: '/api/v1/live', right: 'view' },

  // Views: what the collector has last seen of them.
  overview: { method: 'GET', path: '/api/v1/overview', right: 'view' },
  flows: { method: 'GET', path: '/api/v1/flows', right: 'view' },
  groups: { method: 'GET', path: '/api/v1/groups', right: 'view' },
  doubts: { method: 'GET', path: '/api/v1/doubts', right: 'view' },
  processes: { method: 'GET', path: '/api/v1/processes', right: 'view' },
  limits: { method: 'GET', path: '/api/v1/limits', right: 'view' },
  operations: { method: 'GET', path: '/api/v1/operations', right: 'view' },
  audits: { method: 'GET', path: '/api/v1/audits', right: 'view' },
  actions: { method: 'GET', path: '/api/v1/actions', right: 'view' },

  // Looked up when they are asked for.
  history: { method: 'GET', path: '/api/v1/history', right: 'view' },
  operation: { method: 'GET', path: '/api/v1/operations/:id', right: 'view' },
  failures: { method: 'GET', path: '/api/v1/failures', right: 'view' },
  item: { method: 'GET', path: '/api/v1/items/:id', right: 'view' },

  // All that changes something says why, and has an Idempotency-Key.
  pause: { method: 'POST', path: '/api/v1/pause', right: 'act' },
  resume: { method: 'POST', path: '/api/v1/resume', right: 'act' },
  setLimits: { method: 'POST', path: '/api/v1/limits', right: 'act' },
  decide: { method: 'POST', path: '/api/v1/doubts/decisions', right: 'act' },
  /** How many a redrive or a drop would be about. Changes nothing. */
  count: { method: 'POST', path: '/api/v1/failures/count', right: 'view' },
  drop: { method: 'POST', path: '/api/v1/failures/drop', right: 'act' },
  redrive: { method: 'POST', path: '/api/v1/redrives', right: 'act' },
  stopRedrive: { method: 'POST', path: '/api/v1/redrives/stop', right: 'act' },
  audit: { method: 'POST', path: '/api/v1/audits', right: 'act' },
  reveal: { method: 'POST', path: '/api/v1/items/reveal', right: 'reveal' },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

const isRouteName = (name: string): name is RouteName => name in ROUTES;
export const ROUTE_NAMES: readonly RouteName[] = Object.keys(ROUTES).filter(isRouteName);

/** Told by `live` whenever they have changed. */
export const VIEWS = [
  'overview',
  'flows',
  'groups',
  'doubts',
  'processes',
  'limits',
  'operations',
  'audits',
  'actions',
] as const satisfies RouteName[];

export type ViewName = (typeof VIEWS)[number];

export type Role = 'viewer' | 'operator';

/** `reveal` is given beside a role, and never comes with one. */
export const isAllowed = (right: Right, role: Role | null, mayReveal: boolean): boolean => {
  switch (right) {
    case 'open':
      return true;
    case 'view':
      return role !== null;
    case 'act':
      return role === 'operator';
    case 'reveal':
      return role === 'operator' && mayReveal;
  }
};
