/** Registrations out of a file of JSON lines, or standard input, as messages to publish. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Config } from '../config/schema.ts';
import { parseRegistration } from '../domain/registrations/registration.ts';
import { parseRules } from '../registrations/delivery.ts';
import { lines, type Line } from '../audit/lines.ts';
import { outgoing, type Outgoing } from '../broker/rabbitmq/publish-all.ts';

/**
 * Checks every line before it gives the first, unless `isRaw`: then each is a message as it stands. Standard input,
 * `-`, is held in memory meanwhile.
 * @throws Error that names the first line that is no registration, or the file that cannot be read
 */
export async function registrationLines(
  file: string,
  config: Config,
  isRaw: boolean,
): Promise<AsyncIterable<Outgoing> | Iterable<Outgoing>> {
  const rules = parseRules(config);
  const parse = ({ bytes }: Line) => parseRegistration(bytes, rules);
  const message = (line: Line): Outgoing => {
    const parsed = parse(line);
    return outgoing(parsed.ok ? parsed.id : null, line.bytes);
  };
  const check = (line: Line): void => {
    const parsed = parse(line);
    if (parsed.ok) return;
    const where = `${file === '-' ? 'standard input' : file}:${line.number}`;
    throw new Error(
      `${where}: ${parsed.reason}. Nothing was published: mend the line, or publish every line as it is with --raw`,
    );
  };

  if (file !== '-') {
    await access(file).catch((error: unknown) => {
      throw new Error(
        `Cannot read ${file} (${String(error)}). Name a file, or - for standard input`,
      );
    });
  }
  const read = () => lines(file === '-' ? process.stdin : createReadStream(file));
  if (isRaw) return map(read(), message);
  const held: Line[] = [];
  for await (const line of read()) {
    check(line);
    if (file === '-') held.push(line);
  }
  return file === '-' ? held.map(message) : map(read(), message);
}

async function* map<A, B>(all: AsyncIterable<A>, change: (each: A) => B): AsyncGenerator<B> {
  for await (const each of all) yield change(each);
}
