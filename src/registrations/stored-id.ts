/** A registration id as the user's collection holds it, by `mongodb.matchType`, and back. */
import { Binary, Decimal128, Int32, Long, ObjectId, UUID } from 'mongodb';
import { ID_FORMS, type IdType } from '../domain/registrations/id-type.ts';

export type StoredId = string | number | ObjectId | Int32 | Long | Binary;

/** @param id that `ID_FORMS` allows: another one is in no document, and is handed back as it is */
export function storedId(id: string, type: IdType): StoredId {
  if (!ID_FORMS[type].isMet(id)) return id;
  switch (type) {
    case 'string':
      return id;
    case 'objectId':
      return ObjectId.createFromHexString(id);
    case 'int':
      return new Int32(Number(id));
    case 'long':
      return Long.fromString(id);
    case 'uuid':
      return new UUID(id);
  }
}

/** As `plainId` has it; null for a value that no id of ours means. MongoDB compares all numbers by value. */
export function textOfStored(value: unknown, type: IdType): string | null {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : null;
    case 'objectId':
      return value instanceof ObjectId ? value.toHexString() : null;
    case 'int':
    case 'long':
      return wholeNumberOf(value);
    case 'uuid':
      return value instanceof Binary && value.sub_type === Binary.SUBTYPE_UUID
        ? value.toUUID().toHexString()
        : null;
  }
}

/** In digits, however it is stored; null where it is no number, or not whole. */
function wholeNumberOf(value: unknown): string | null {
  if (typeof value === 'number') return Number.isInteger(value) ? String(BigInt(value)) : null;
  if (!(value instanceof Decimal128)) return isNumber(value) ? String(value) : null;
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]\d+))?$/.exec(value.toString());
  if (parts === null) return null; // infinite, or not a number
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts;
  const shift = Number(power) - fraction.length;
  const digits = `${whole}${fraction}`.padStart(-shift, '0') + '0'.repeat(Math.max(shift, 0));
  const end = digits.length + Math.min(shift, 0);
  return /[1-9]/.test(digits.slice(end)) ? null : String(BigInt(`${sign}0${digits.slice(0, end)}`));
}

const isNumber = (value: unknown): boolean =>
  ['number', 'bigint'].includes(typeof value) ||
  value instanceof Long ||
  value instanceof Decimal128;

/** The type of a value in words of `mongodb.matchType` where it has one, for people. */
export function typeOfStored(value: unknown): string {
  if (value instanceof Binary)
    return value.sub_type === Binary.SUBTYPE_UUID_OLD
      ? 'UUID of the old kind (binary, subtype 3)'
      : value.sub_type === Binary.SUBTYPE_UUID
        ? 'uuid'
        : 'binary';
  if (value instanceof ObjectId) return 'objectId';
  if (isNumber(value)) return wholeNumberOf(value) === null ? 'number that is not whole' : 'number';
  return value === null ? 'null' : typeof value;
}
