/** The answers of the server, as they stand in JSON: see src/page. */
import type { Sent } from '../../src/page/kinds.ts';
import type * as actionViews from '../../src/page/action-views.ts';
import type * as schemas from '../../src/page/schemas.ts';
import type * as views from '../../src/page/views.ts';
import type { ViewName } from '../../src/page/routes.ts';

type Schemas = typeof views & typeof actionViews;
export type Views = { [Name in ViewName]: Sent<Schemas[Name]> };
export type Overview = Views['overview'];
export type Verdict = Overview['verdict'];
export type Hold = Sent<typeof views.hold>;
export type Breaker = Sent<typeof views.breaker>;
export type Minute = Sent<typeof views.minute>;
export type Group = Sent<typeof views.group>;
export type Doubt = Sent<typeof views.doubt>;
export type OneProcess = Sent<typeof views.oneProcess>;
export type Action = Sent<typeof actionViews.action>;
export type Operation = Sent<typeof actionViews.operation>;
export type AuditRun = Sent<typeof actionViews.auditRun>;

export type Me = Sent<typeof schemas.me>;
export type Session = Sent<typeof schemas.session>;
export type Failure = Sent<typeof schemas.failure>;
export type Item = Sent<typeof schemas.item>;
export type ItemEvent = Sent<typeof schemas.event>;
export type Revealed = Sent<typeof schemas.revealed>;
export type Counted = Sent<typeof schemas.counted>;
export type Decisions = Sent<typeof schemas.decided>;
export type Problem = Sent<typeof schemas.problem>;

/** See `tile` in src/page/kinds.ts. */
export type Tile<T> =
  | { state: 'value'; value: T; at: string }
  | { state: 'stale'; value: T; at: string; reason: string }
  | { state: 'unknown'; reason: string };

/** What failures an action is about. */
export interface Choice {
  flow: string;
  class: string | null;
  group: string | null;
  ids: string[];
}
