import type { Command } from 'commander';
import type { FailureMessage } from '../broker/rabbitmq/dead-letter-queue.ts';
import { headerValues } from '../broker/rabbitmq/headers.ts';
import type { KnownProperties } from '../broker/rabbitmq/message.ts';
import type { Config } from '../config/schema.ts';
import { HEADER } from '../domain/names.ts';
import { isMeant, shownId, shownText, withFailures } from '../operations/failure-queue.ts';
import { findFailures, type Failure } from '../operations/failures.ts';
import { withStore } from '../registrations/neighbours.ts';
import { answer, load } from './context.ts';
import { notFound } from './failure-selection.ts';
import { lateText } from './status.ts';
import { columns, paint, valueText } from './table.ts';

export async function show(id: string, { body }: { body?: boolean }, command: Command) {
  const { config } = load(command);
  if (body === true) return showRecords(id, config, command);
  const found = await withStore(config, (store) => findFailures(config, store, id));
  if (found.length === 0) throw notFound([id]);
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
  const text = ({ headers, properties, body, ...facts }: (typeof all)[number]) =>
    `${factsText(Object.entries({ ...facts, ...properties, ...headers }))}\n\n${body}\n`;
  answer(command, all, () => all.map(text).join('\n'));
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
  const text = failure.body.toString('utf8');
  const isText = Buffer.from(text).equals(failure.body);
  return {
    registration: shownId(failure, config),
    record: shownText(failure, failure.name, config),
    properties: {
      ...properties,
      ...(messageId === null ? {} : { messageId: shownText(failure, messageId, config) }),
    },
    headers,
    returns: failure.returns,
    bytes: failure.body.length,
    // What is no text would not survive as one.
    encoding: isText ? 'utf8' : 'base64',
    body: isText ? text : failure.body.toString('base64'),
  };
}
