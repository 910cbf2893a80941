// What can be known of docker-compose.yml and the Dockerfile without a Docker engine.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ms from 'ms';
import { parse } from 'yaml';
import { z } from 'zod';
import { LEAN } from '../src/runtime/child.ts';
import { environmentNames } from '../src/config/environment.ts';
import { DEFAULTS } from '../src/config/schema.ts';
import { loadConfig } from '../src/config/load.ts';

const root = new URL('../../', import.meta.url);
// Equal to the defaults. Without it a developer's own settings would be read.
const example = fileURLToPath(new URL('despachante.example.yaml', root));
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');

const service = z.object({
  image: z.string().optional(),
  build: z.string().optional(),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  container_name: z.string().optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  profiles: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  configs: z.array(z.object({ source: z.string(), target: z.string() })).default([]),
  stop_grace_period: z.string().optional(),
  depends_on: z
    .record(
      z.string(),
      z.object({ condition: z.enum(['service_healthy', 'service_completed_successfully']) }),
    )
    .default({}),
  healthcheck: z
    .object({ test: z.array(z.string()).min(2), interval: z.string(), timeout: z.string() })
    .optional(),
});

const source = read('docker-compose.yml');
const compose = z
  .object({
    name: z.string(),
    services: z.record(z.string(), service),
    volumes: z.record(z.string(), z.null()),
    configs: z.record(z.string(), z.object({ content: z.string() })),
  })
  .parse(parse(source, { merge: true }));
const services = new Map(Object.entries(compose.services));
const ours = [...services].filter(([, { build }]) => build !== undefined);

test('every dependency is a service of the file, is waited for, and makes no circle', () => {
  const settled = new Set<string>();
  const visit = (name: string, above: readonly string[]) => {
    assert.ok(!above.includes(name), `${above.join(' → ')} → ${name}`);
    const found = services.get(name);
    assert.ok(found, `${above.at(-1)} depends on ${name}`);
    for (const [next, { condition }] of Object.entries(found.depends_on)) {
      const checked = services.get(next)?.healthcheck !== undefined;
      assert.equal(checked, condition === 'service_healthy', `${name} waits for ${next}`);
      visit(next, [...above, name]);
    }
    settled.add(name);
  };
  for (const name of services.keys()) visit(name, []);
  assert.equal(settled.size, services.size);
});

test('nothing that is always started depends on something of a profile', () => {
  for (const [name, { depends_on, profiles }] of services)
    for (const next of Object.keys(depends_on))
      assert.ok(
        profiles.length > 0 || services.get(next)?.profiles.length === 0,
        `${name}: ${next}`,
      );
  assert.deepEqual(services.get('simulator')?.profiles, ['simulator']);
  for (const name of ['tasks', 'kafka'])
    assert.deepEqual(services.get(name)?.profiles, ['workers']);
});

test('every service has a health check, or ends and is waited for', () => {
  const awaited = new Set(
    [...services.values()].flatMap(({ depends_on }) =>
      Object.entries(depends_on)
        .filter(([, { condition }]) => condition === 'service_completed_successfully')
        .map(([name]) => name),
    ),
  );
  for (const [name, { healthcheck }] of services)
    assert.notEqual(healthcheck !== undefined, awaited.has(name), name);
});

test('every volume and config that is used is declared, and the other way round', () => {
  const all = [...services.values()];
  const sources = all.flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  const named = sources.filter((source) => !source.startsWith('./'));
  assert.deepEqual(new Set(named), new Set(Object.keys(compose.volumes)));
  const configs = all.flatMap(({ configs }) => configs.map((config) => config.source));
  assert.deepEqual(new Set(configs), new Set(Object.keys(compose.configs)));
});

test('every server keeps its data in a volume', () => {
  for (const name of ['rabbitmq', 'mongodb', 'postgres', 'kafka'])
    assert.notEqual(services.get(name)?.volumes.length, 0, name);
});

test('every image is pinned to a full version, and is ours only by being built', () => {
  for (const [name, { image, build }] of services) {
    if (build === undefined)
      assert.match(image ?? '', /^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/, name);
    else assert.equal(image, undefined, name);
  }
});

test('nobody gains rights; what we run has none of root’s, and writes nothing but to /tmp', () => {
  for (const [name, { security_opt }] of services) {
    assert.deepEqual(security_opt, ['no-new-privileges:true'], name);
  }
  assert.equal(ours.length, 4);
  for (const [name, { cap_drop, read_only }] of ours) {
    assert.deepEqual([cap_drop, read_only], [['ALL'], true], name);
  }
});

test('what is open to the host is open to this machine only', () => {
  for (const [name, { ports }] of services)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
});

test('intake and worker can be scaled: no fixed port, no fixed name', () => {
  for (const name of ['intake', 'worker']) {
    const found = services.get(name);
    assert.deepEqual(
      [found?.ports, found?.container_name, found?.command],
      [[], undefined, [name]],
    );
  }
});

test('the servers that `npm run engines` asks for are there, at the addresses it expects', () => {
  const open = (name: string) => services.get(name)?.ports ?? [];
  assert.ok(open('rabbitmq').includes('127.0.0.1:5672:5672'));
  assert.ok(open('mongodb').includes('127.0.0.1:27017:27017'));
  assert.ok(open('temporal').includes('127.0.0.1:7233:7233'));
  assert.ok(open('temporal-web').includes('127.0.0.1:8233:8080'));
});

test('every variable of our services is one that is read, and together they are a configuration', () => {
  assert.ok(ours.length >= 4);
  for (const [name, { environment }] of ours) {
    for (const variable of Object.keys(environment))
      assert.ok(environmentNames.includes(variable), `${name}: ${variable}`);
    const env = new Map(
      Object.entries(environment).map(([key, value]) => [key, interpolated(value)]),
    );
    assert.deepEqual(loadConfig({ env: Object.fromEntries(env), file: example }).warnings, []);
  }
});

/** `${NAME:-default}` as Compose reads it when NAME is not set. */
function interpolated(value: string): string {
  return value.replace(
    /\$\{\w+(?::-([^}]*))?\}/g,
    (_, standard: string | undefined) => standard ?? '',
  );
}

const ADDRESSES = [
  ...['AMQP_URL', 'MONGODB_URI', 'TEMPORAL_ADDRESS', 'LEGACY_URL'],
  'KAFKA_BOOTSTRAP_SERVERS',
];

test('every address of our services names a service', () => {
  for (const [name, { environment }] of ours)
    for (const key of ADDRESSES) {
      const value = environment[key];
      if (value === undefined) continue;
      const host = /^(?:\w+:\/\/)?([\w-]+):\d+/.exec(interpolated(value))?.[1] ?? '';
      assert.ok(services.has(host), `${name}: ${key}=${value}`);
    }
});

test('our health checks ask the ports that are configured', () => {
  const probe = (name: string) => services.get(name)?.healthcheck?.test.join(' ') ?? '';
  assert.ok(probe('intake').includes(`:${DEFAULTS.health.intakePort}/ready`));
  assert.ok(probe('worker').includes(`:${DEFAULTS.health.workerPort}/ready`));
  const image = read('Dockerfile');
  const { intakePort, workerPort, tasksPort } = DEFAULTS.health;
  assert.ok(probe('tasks').includes(`:${tasksPort}/ready`));
  assert.ok(image.includes(`[${intakePort}, ${workerPort}, ${tasksPort}]`));
  assert.match(image, /^HEALTHCHECK [\s\S]*\/live/m);
});

test('a container is given more time to stop than a worker needs', () => {
  for (const [name, { stop_grace_period }] of ours) {
    const [, seconds] = /^(\d+)s$/.exec(stop_grace_period ?? '') ?? [];
    assert.ok(Number(seconds) * ms('1s') > DEFAULTS.worker.shutdownGrace, name);
  }
});

const dockerfile = read('Dockerfile');
const lines = dockerfile.replace(/\\\n/g, ' ').split('\n');
const last = (word: string) =>
  lines
    .filter((line) => line.startsWith(`${word} `))
    .at(-1)
    ?.slice(word.length + 1);

test('the image is built and run on one pinned Node with glibc, of a version that the project supports', () => {
  const images = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
  assert.equal(images.length, 2);
  assert.equal(images[0], images[1]);
  assert.match(images[0] ?? '', /^node:24\.\d+\.\d+-bookworm-slim$/);
});

test('the image runs as a user without rights, in exec form, on a file that the package also starts', () => {
  assert.equal(last('USER'), 'node');
  const entry = z.array(z.string()).parse(JSON.parse(last('ENTRYPOINT') ?? ''));
  const manifest = z
    .object({ bin: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')));
  const bin = manifest.bin['despachante'];
  assert.deepEqual(entry, ['node', '--enable-source-maps', ...LEAN.nodeOptions, bin]);
});

test('the processes of the image need as little memory as those that "start" starts', () => {
  const set = (last('ENV') ?? '').split(' ');
  for (const [name, value] of Object.entries(LEAN.env)) assert.ok(set.includes(`${name}=${value}`));
});

test('what the Dockerfile copies exists, and is not held back by .dockerignore', () => {
  const allowed = read('.dockerignore').split('\n');
  const copied = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
  assert.ok(copied.length > 0);
  for (const path of copied) {
    assert.ok(existsSync(new URL(path, root)), path);
    assert.ok(allowed.includes(`!${path}`), path);
  }
  assert.deepEqual(allowed.filter((line) => line.startsWith('!')).length, copied.length);
});

test('no install script runs, and no secret is in the image', () => {
  for (const line of lines.filter((each) => /\bnpm (ci|install|prune)\b/.test(each)))
    for (const command of line.match(/npm (ci|install|prune)[^&]*/g) ?? [])
      assert.match(command, /--ignore-scripts/);
  assert.doesNotMatch(
    dockerfile,
    /^(ENV|ARG) .*(SECRET|TOKEN|PASSWORD|KEY|AUTHORIZATION|_URL|_URI)/m,
  );
});
