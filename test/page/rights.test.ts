import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { isAllowed, ROUTE_NAMES, ROUTES, type RouteName } from '../../src/page/routes.ts';
import { overview } from '../../src/page/views.ts';
import { startPage, type Person } from './pages.ts';

const DENIED = [401, 403];
const mayBe: Record<Person, { role: 'viewer' | 'operator'; mayReveal: boolean }> = {
  viewer: { role: 'viewer', mayReveal: false },
  operator: { role: 'operator', mayReveal: false },
  revealer: { role: 'operator', mayReveal: true },
};

/** What a route answers to one who may is its own matter: nothing stands behind it here. */
const without: RouteName[] = ['live', 'openSession'];

// Where nobody listens some answers take ten seconds.
suite('rights', { concurrency: true }, () => {
  for (const person of ['viewer', 'operator', 'revealer'] as const)
    test(`each route is open to ${person} as the table says, and to nobody else`, async (t) => {
      const page = await startPage(t);
      const token = await page.signIn(person);
      const { role, mayReveal } = mayBe[person];
      const check = async (name: RouteName): Promise<void> => {
        const { method, path, right } = ROUTES[name];
        const body = method === 'POST' ? {} : undefined;
        const init = { method, token, ...(body === undefined ? {} : { body }) };
        const { status } = await page.ask(path.replace(':id', 'x'), init);
        const isIn = !DENIED.includes(status);
        assert.equal(isIn, isAllowed(right, role, mayReveal), `${method} ${path}: ${status}`);
        const { status: toNobody } = await page.ask(path.replace(':id', 'x'), {
          ...init,
          token: 'none',
        });
        assert.equal(toNobody, 401, `${method} ${path} to nobody`);
      };
      await Promise.all(ROUTE_NAMES.filter((each) => !without.includes(each)).map(check));
    });
});

test('while no server answers everything is unknown, with a reason, and nothing is zero', async (t) => {
  const page = await startPage(t);
  const { json } = await page.ask('/api/v1/overview', { token: await page.signIn('viewer') });
  const found = overview.parse(json);
  const states = Object.values(found).flatMap((part) =>
    typeof part === 'object' && part !== null && 'state' in part ? [part.state] : [],
  );
  assert.deepEqual(new Set(states), new Set(['unknown']));
});

test('a role is told what it may by the table that routes', async (t) => {
  const page = await startPage(t);
  for (const person of ['viewer', 'operator', 'revealer'] as const) {
    const { json } = await page.ask('/api/v1/me', { token: await page.signIn(person) });
    assert.ok(typeof json === 'object' && json !== null && 'allowed' in json);
    const { role, mayReveal } = mayBe[person];
    const expected = ROUTE_NAMES.filter((name) => isAllowed(ROUTES[name].right, role, mayReveal));
    assert.deepEqual(json.allowed, expected);
  }
});

const described = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ operationId: z.string(), responses: z.looseObject({}) })),
  ),
});

test('every route is described, and no other', async (t) => {
  const page = await startPage(t);
  const token = await page.signIn('viewer');
  const { paths } = described.parse((await page.ask('/api/openapi.json', { token })).json);
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => {
      return [operationId, method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1')];
    }),
  );
  const routes = ROUTE_NAMES.map((name) => [name, ROUTES[name].method, ROUTES[name].path]);
  assert.deepEqual(found.sort(), routes.sort());
});

test('nothing that is GET changes anything, and all that acts says so', () => {
  for (const name of ROUTE_NAMES) {
    const { method, right } = ROUTES[name];
    if (method === 'GET') assert.equal(right, 'view', name);
    if (right === 'act' || right === 'reveal') assert.equal(method, 'POST', name);
  }
});
