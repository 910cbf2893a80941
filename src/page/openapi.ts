/** The API of the page as OpenAPI, from the table of its routes and the schemas that it is checked by. */
import { z } from 'zod';
import { DEFAULTS } from '../config/schema.ts';
import { VERSION } from '../domain/names.ts';
import { silent } from '../runtime/log.ts';
import * as actionViews from './action-views.ts';
import type { Answering } from './answering.ts';
import { createAnswers } from './answers.ts';
import type { Special } from './app.ts';
import { meOf } from './me.ts';
import { lastingReach } from './reach.ts';
import { createReadings } from './readings.ts';
import { ROUTE_NAMES, ROUTES, type Route, type RouteName } from './routes.ts';
import * as schemas from './schemas.ts';
import * as views from './views.ts';

type Answers = Record<Exclude<RouteName, Special>, Answering>;
type Described = Pick<Answering, 'status' | 'query' | 'request' | 'answer'>;

const GET = { status: 200, query: null, request: null } as const;
const SPECIAL: Record<Special, Described> = {
  openSession: { ...GET, request: schemas.openSessionRequest, answer: schemas.session },
  live: { ...GET, answer: z.string() },
  openApi: { ...GET, answer: z.looseObject({}) },
};

export function openApiOf(answers: Answers): object {
  const all: Record<RouteName, Described> = { ...answers, ...SPECIAL };
  const paths: Record<string, Record<string, object>> = {};
  for (const name of ROUTE_NAMES) {
    const { method, path } = ROUTES[name];
    const place = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[place] = { ...paths[place], [method.toLowerCase()]: operationOf(name, all[name]) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Despachante: the operations page',
      version: VERSION,
      description:
        'All that is not GET is JSON, with the address of the page as Origin. What changes something has an Idempotency-Key, and a reason that is written down.',
    },
    security: [{ session: [] }],
    paths,
    components: {
      securitySchemes: {
        session: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token of POST /api/v1/session',
        },
      },
      schemas: namedSchemas(),
    },
  };
}

/** Nothing is asked for it. */
export function describedApi(): object {
  const config = DEFAULTS;
  const reach = lastingReach(config, silent);
  const collector = { read: () => Promise.resolve(null) };
  const readings = createReadings(config, reach, silent);
  const needs = { config, reach, readings, collector, me: meOf(config, null), log: silent };
  return openApiOf(createAnswers({ ...needs, changed: () => {} }));
}

function operationOf(name: RouteName, { status, query, request, answer }: Described): object {
  const { method, path, right }: Route = ROUTES[name];
  const type = name === 'live' ? 'text/event-stream' : 'application/json';
  const ofPath = [...path.matchAll(/:(\w+)/g)].map(([, part]) => part ?? '');
  const header = (called: string, required: boolean): object => ({
    ...{ name: called, in: 'header', required, schema: { type: 'string' } },
  });
  const parameters = [
    ...ofPath.map((part) => ({
      name: part,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries<z.ZodType>(query?.shape ?? {}).map(([part, schema]) => ({
      ...{ name: part, in: 'query', required: !z.safeParse(schema, undefined).success },
      schema: schemaOf(schema),
    })),
    ...(method === 'POST' && right === 'act' ? [header('Idempotency-Key', true)] : []),
    ...(name === 'setLimits' ? [header('If-Match', false)] : []),
  ];
  return {
    operationId: name,
    description: `Right: ${right}.`,
    ...(right === 'open' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: contentOf('application/json', schemaOf(request)),
          },
        }),
    responses: {
      [status]: { description: 'Done', content: contentOf(type, schemaOf(answer)) },
      default: {
        description: 'Refused',
        content: contentOf('application/problem+json', schemaOf(schemas.problem)),
      },
    },
  };
}

const contentOf = (type: string, schema: object): object => ({ [type]: { schema } });

const named = z.registry<{ id?: string }>();
for (const [id, schema] of Object.entries({ ...views, ...actionViews, ...schemas }))
  if (schema instanceof z.ZodType) named.add(schema, { id });

const HOW = {
  io: 'input',
  unrepresentable: 'any',
  // Formats say the same.
  override: ({ jsonSchema }: { jsonSchema: { pattern?: string | undefined } }) =>
    void delete jsonSchema.pattern,
} as const;

/** Each under the name that it has in the code. */
function namedSchemas(): Record<string, object> {
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const { schemas: all } = z.toJSONSchema(named, { ...HOW, uri });
  return Object.fromEntries(Object.entries(all).map(([id, each]) => [id, bare(each)]));
}

/** As it stands in JSON. */
function schemaOf(schema: z.ZodType): object {
  const id = named.get(schema)?.id;
  return id === undefined
    ? bare(z.toJSONSchema(schema, HOW))
    : { $ref: `#/components/schemas/${id}` };
}

/** Without the marks of a document of its own. */
function bare(schema: z.core.JSONSchema.BaseSchema): object {
  delete schema.$schema;
  delete schema.$id;
  return schema;
}
