/** Who is signed in, and what he may do here: by the table that routes, so that nothing is shown that would be refused. */
import type { Config } from '../config/schema.ts';
import { VERSION } from '../domain/names.ts';
import type { Made } from './kinds.ts';
import { isAllowed, ROUTE_NAMES, ROUTES } from './routes.ts';
import type { me } from './schemas.ts';
import type { Who } from './sessions.ts';

export const meOf =
  ({ registration, temporal }: Config, environment: string | null) =>
  ({ name, role, mayReveal }: Who): Made<typeof me> => ({
    ...{ name, role, environment, version: VERSION },
    allowed: ROUTE_NAMES.filter((each) => isAllowed(ROUTES[each].right, role, mayReveal)),
    areIdsHashed: registration.hashIds,
    temporalWeb: temporal.webUrl,
  });
