/** What a test does with a running system from outside: publish, and look where messages have got to. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { GetMessage, Options } from 'amqplib';
import type { WorkflowHandle } from '@temporalio/client';
import type { Claim } from '../../src/claims/claims.ts';
import { runAudit } from '../../src/audit/run-audit.ts';
import { findDoubts } from '../../src/registrations/doubts.ts';
import { progressOf } from '../../src/operations/measure.ts';
import { HEADER, claimKey } from '../../src/domain/names.ts';
import { openPublishedLedger } from '../../src/audit/published-ledger.ts';
import type { LedgerEntry } from '../../src/simulator/ledger.ts';
import { run } from '../commands/cli.ts';
import type { Result } from '../commands/cli.ts';
import { eventually } from './eventually.ts';
import { uniqueName } from './servers.ts';
import type { Role, System } from './system.ts';

/** What a registration asks of the simulator stands in `simulate`, see src/simulator/orders.ts. */
export type Body = { id: string } & Record<string, unknown>;

export type Flow = ReturnType<typeof flowOf>;

export function flowOf(system: System) {
  const { config, store, client, simulator, connection } = system;
  const { intakeQueue, failureQueue } = config.rabbit;
  const opened = connection.createConfirmChannel();
  const confirmed: { id: string | null; body: Buffer }[] = [];

  /** Publishes bytes and waits for the broker's confirm. */
  async function publishBytes(
    body: Buffer,
    properties: Options.Publish = {},
    id: string | null = null,
  ): Promise<void> {
    const channel = await opened;
    await new Promise<void>((resolve, reject) => {
      channel.publish('', intakeQueue, body, { persistent: true, ...properties }, (error) =>
        error instanceof Error ? reject(error) : resolve(),
      );
    });
    confirmed.push({ id, body });
  }

  /** What somebody else has published, and the broker has confirmed. */
  const countIn = (body: Buffer, id: string | null): void => void confirmed.push({ id, body });

  const publish = (body: Body, properties: Options.Publish = {}): Promise<void> =>
    publishBytes(Buffer.from(JSON.stringify(body)), properties, body.id);

  const claimed = (id: string, generation = 0): Promise<Claim> =>
    eventually(`${id} is claimed`, async () => {
      const claim = await store.claims.collection.findOne({ _id: claimKey(id, generation) });
      assert.ok(claim, 'there is no claim');
      return claim;
    });

  /** Waits until a registration has reached its destination, and gives its claim. */
  const settled = (id: string, generation = 0): Promise<Claim> =>
    eventually(`${id} is settled`, async () => {
      const claim = await claimed(id, generation);
      assert.ok(claim.settledAt, 'it is open');
      return claim;
    });

  const outcomeOf = async (id: string, generation = 0) =>
    (await settled(id, generation)).outcome?.kind;

  /** All records, in their order, without taking them. */
  async function lookAtFailures(): Promise<GetMessage[]> {
    const channel = await connection.createChannel();
    const found: GetMessage[] = [];
    for (;;) {
      const message = await channel.get(failureQueue, { noAck: false });
      if (message === false) break;
      found.push(message);
    }
    await channel.close();
    await eventually('the records are back in their queue', async () => {
      assert.ok((await system.depth(failureQueue)) >= found.length);
    });
    return found;
  }

  /** Waits for the one record that `isMeant` picks. */
  const failureWhere = (what: string, isMeant: (record: GetMessage) => boolean) =>
    eventually(what, async () => {
      const found = (await lookAtFailures()).filter(isMeant);
      assert.equal(found.length, 1, `${found.length} records`);
      const [record] = found;
      assert.ok(record);
      return record;
    });

  const failureOf = (claim: string, failureClass: string): Promise<GetMessage> =>
    failureWhere(
      `the failure record ${claim}:${failureClass}`,
      ({ properties: { headers } }) =>
        headers?.[HEADER.item] === claim && headers[HEADER.class] === failureClass,
    );

  /** How many of the registrations whose ids begin with a prefix are where. */
  async function tally(prefix: string) {
    const { claimed, settled, byOutcome } = await progressOf(store, prefix);
    const doubts = await findDoubts(store, config.legacy.timeout);
    const inDoubt = doubts.filter(({ claim }) => claim.item.startsWith(prefix)).length;
    return { claimed, settled, registered: byOutcome['registered'] ?? 0, inDoubt };
  }

  /** Waits until all of them are registered. */
  const allRegistered = (prefix: string, count: number) =>
    eventually(`all ${count} are registered`, async () => {
      assert.deepEqual(await tally(prefix), {
        claimed: count,
        settled: count,
        registered: count,
        inDoubt: 0,
      });
    });

  /** Waits until the journal says of all of them that they are accepted. */
  const allAccepted = (prefix: string, count: number) =>
    eventually(`all ${count} are accepted, and the journal says so`, async () => {
      const accepted = { _id: { $regex: `^${prefix}-` }, state: 'accepted' } as const;
      assert.equal(await store.journal.collection.countDocuments(accepted), count);
    });

  /** Publishes registrations `<prefix>-0`, `<prefix>-1` … */
  async function publishMany(prefix: string, count: number, more: object = {}): Promise<void> {
    const all = Array.from({ length: count }, (_, n) => publish({ id: `${prefix}-${n}`, ...more }));
    await Promise.all(all);
  }

  const documentOf = (id: string) => store.results.find(id);

  /** What the legacy system has answered to POSTs of a registration. */
  const postsOf = (id: string): LedgerEntry[] =>
    simulator
      .ledger()
      .filter(
        (entry) =>
          (entry.event === 'accepted' ||
            entry.event === 'refused' ||
            entry.event === 'not-accepted') &&
          entry.id === id,
      );

  /** The request ids under which the legacy system has a registration. */
  const requestIdsOf = (id: string): string[] =>
    simulator
      .ledger()
      .flatMap((entry) => (entry.event === 'accepted' && entry.id === id ? [entry.requestId] : []));

  const runOf = async (id: string): Promise<WorkflowHandle> =>
    client.workflow.getHandle((await claimed(id)).workflowId);

  const cli = (...args: string[]): Promise<Result> => cliWith({}, ...args);

  /** With other settings than the system's. */
  const cliWith = (env: Record<string, string>, ...args: string[]): Promise<Result> =>
    run(args, { cwd: system.folder, env: { ...system.env, ...env } });

  /** Runs a command with `--json`, expects that it went well, and reads what it printed. */
  async function json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await cli(...args, '--json');
    assert.equal(code, 0, stderr + stdout);
    return JSON.parse(stdout);
  }

  /** The sum over everything that was published here. */
  async function audit() {
    const file = join(system.folder, `${uniqueName()}.jsonl`);
    const ledger = await openPublishedLedger(file);
    for (const message of confirmed) ledger.add(message);
    await ledger.close();
    return runAudit({ published: file }, config);
  }

  const ask = async (role: Role, path: string) => {
    const answer = await fetch(
      `http://127.0.0.1:${system.child(role).facts.health ?? 'no port'}${path}`,
    );
    return { status: answer.status, text: await answer.text() };
  };

  /** A sample of /metrics; 0 when it is not there yet. */
  const metric = async (role: Role, sample: string): Promise<number> => {
    const { text } = await ask(role, '/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
    return line === undefined ? 0 : Number(line.slice(sample.length + 1));
  };

  return {
    publish,
    publishBytes,
    claimed,
    settled,
    outcomeOf,
    countIn,
    lookAtFailures,
    failureWhere,
    failureOf,
    tally,
    allAccepted,
    allRegistered,
    publishMany,
    documentOf,
    postsOf,
    requestIdsOf,
    runOf,
    cli,
    cliWith,
    json,
    audit,
    ask,
    metric,
  };
}
