import type { Command } from 'commander';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { headerValues } from '../broker/rabbitmq/headers.ts';
import type { KnownProperties } from '../broker/rabbitmq/message.ts';
import type { Config } from '../config/schema.ts';
import { HEADER } from '../domain/names.ts';
import { isMeant, shownId, shownText, withFailures } from '../operations/failure-queue.ts';
import { failuresOf } from '../operations/failures-of.ts';
import { findFailures, type Failure } from '../operations/failures.ts';
import { taskMessages } from '../operations/task-failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { answer, load } from './context.ts';
import { notFound } from './failure-selection.ts';
import { lateText } from './status.ts';
import { columns, paint, valueText } from './table.ts';

export async function show(
  id: string,
  { body, from }: { body?: boolean; from?: string },
  command: Command,
) {
  const { config } = load(command);
  if (body === true && from === undefined) return showRecords(id, config, command);
  const [found, messages] = await withStore(config, async (store) => {
    const failures = failuresOf(config, store, from);
    const found = await findFailures(failures, id);
    return [found, body === true ? await taskMessages(failures, store.own, id) : []] as const;
  });
  if (found.length === 0) throw notFound([id], from);
  if (body === true) {
    const all = messages.map(({ body, ...facts }) => ({ ...facts, ...plain(body) }));
    return answer(command, all, () => all.map(recordText).join('\n'));
  }
  answer(command, found, () => found.map(failureText).join('\n'));
}

function failureText({ late, ...failure }: Failure): string {
  const facts = Object.entries(failure).filter(([, value]) => value !== null);
  return `${late === null ? '' : `${lateText(late)}\n`}${factsText(facts)}\n`;
}

const factsText = (facts: readonly [name: string, value: unknown][]): string =>
  columns(facts.map(([name, value]) => [paint.bold(name), valueText(value)]));

async function showRecords(id: string, config: Config, command: Command): Promise<void> {
  const found = await withFailures(config, async (queue) => {
    const records = [];
    for await (const failure of queue.messages()) {
      if (isMeant(failure, id, config)) records.push(failure);
    }
    return records;
  });
  if (found.length === 0) throw notFound([id]);
  const all = found.map((failure) => details(failure, config));
  answer(command, all, () => all.map(recordText).join('\n'));
}

interface Shown {
  headers: Record<string, unknown>;
  properties?: object;
  body: string;
}

const recordText = ({ headers, properties, body, ...facts }: Shown): string =>
  `${factsText(Object.entries({ ...facts, ...properties, ...headers }))}\n\n${body}\n`;

/** What is no text would not survive as one. */
function plain(body: Buffer) {
  const text = body.toString('utf8');
  const isText = Buffer.from(text).equals(body);
  return {
    bytes: body.length,
    encoding: isText ? 'utf8' : 'base64',
    body: isText ? text : body.toString('base64'),
  };
}

function details(failure: FailureMessage, config: Config) {
  const properties: Partial<KnownProperties> = { ...failure.properties };
  delete properties.headers;
  const { messageId } = failure;
  const headers = headerValues(failure.message.properties.headers);
  // Whoever has it can redrive the record.
  delete headers[HEADER.token];
  const item = headers[HEADER.item];
  if (typeof item === 'string') headers[HEADER.item] = shownText(failure, item, config);
  return {
    registration: shownId(failure, config),
    record: shownText(failure, failure.name, config),
    properties: {
      ...properties,
      ...(messageId === null ? {} : { messageId: shownText(failure, messageId, config) }),
    },
    headers,
    returns: failure.returns,
    ...plain(failure.body),
  };
}
