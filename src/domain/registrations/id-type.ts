/** How a registration id is stored in the user's collection, and which ids can be. Pure. */

export const ID_TYPES = ['string', 'objectId', 'int', 'long', 'uuid'] as const;
export type IdType = (typeof ID_TYPES)[number];

const INT = { least: -(2n ** 31n), most: 2n ** 31n - 1n };
const LONG = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

const within = (id: string, { least, most }: typeof INT): boolean =>
  isWholeNumber(id) && id.length <= 20 && BigInt(id) >= least && BigInt(id) <= most;

/** Each number in one way only, so that no two ids are one number. */
export const isWholeNumber = (text: string): boolean => /^(0|-?[1-9]\d*)$/.test(text);

/** The one text of those that mean one stored value: hexadecimal digits may be written in either case. */
export const plainId = (id: string, type: IdType): string =>
  type === 'objectId' || type === 'uuid' ? id.toLowerCase() : id;

/** For an id: whether it can be stored so; and how such an id is written. */
export const ID_FORMS: Readonly<
  Record<IdType, { isMet: (id: string) => boolean; expected: string }>
> = {
  string: { isMet: () => true, expected: 'a text' },
  objectId: {
    isMet: (id) => /^[0-9a-f]{24}$/i.test(id),
    expected: '24 hexadecimal digits',
  },
  int: { isMet: (id) => within(id, INT), expected: 'a whole number of 32 bits' },
  long: { isMet: (id) => within(id, LONG), expected: 'a whole number of 64 bits' },
  uuid: {
    isMet: (id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id),
    expected: 'a UUID such as 01234567-89ab-cdef-0123-456789abcdef',
  },
};
