/** Headers for people: each that there is, by whatever name, and long numbers to their last digit. */
import { fieldsOf, rawOf, readTable, type Field } from './amqp-tables.ts';

/** A number that JavaScript would round becomes a text. Nested tables are as amqplib reads them. */
export function headerValues(headers: Record<string, unknown> = {}): Record<string, unknown> {
  const raw = rawOf(headers);
  if (raw === null) return { ...headers };
  // Not by assignment: of the name "__proto__" that would make no property.
  return Object.fromEntries(
    fieldsOf(raw.bytes).fields.map((field) => [field.name, valueOf(field)]),
  );
}

function valueOf({ name, value, bytes }: Field): unknown {
  const tag = String.fromCharCode(value[0] ?? 0);
  if (tag === 'l') return exact(value.readBigInt64BE(1));
  if (tag === 'L') return exact(value.readBigUInt64BE(1));
  if (tag === 'T') return { '!': 'timestamp', value: exact(value.readBigUInt64BE(1)) };
  if (name !== '__proto__') return readTable(bytes)[name];
  return readTable(Buffer.concat([Buffer.from([1]), Buffer.from('v'), value]))['v'];
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
