/** Names of files, which are bytes and perhaps no UTF-8 (latin1 in all of this room), and the places of a folder. */

import { percentEncoded } from '../outbound/deliver.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const bytesOf = (name: string): Buffer => Buffer.from(name, 'latin1');

/** For system calls: the folder is a text, the rest bytes. */
export const pathIn = (folder: string, ...parts: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from(folder), ...parts.flatMap((part) => [SLASH, bytesOf(part)])]);

const SLASH = Buffer.from('/');

/** As people see it: its UTF-8 where it is that, and `%E9` for what is none, or would steer a terminal. */
export function shownName(name: string): string {
  try {
    return utf8
      .decode(bytesOf(name))
      .replace(/[\p{C}%\u2028\u2029]/gu, (each) => percentOf(Buffer.from(each)));
  } catch {
    return name.replace(/[^ -$&-~]/g, (each) => percentOf(bytesOf(each)));
  }
}

const percentOf = (bytes: Buffer): string =>
  [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** For a URL or a header: every byte that is not plain as `%E9`. */
export const encodedName = (name: string): string => percentEncoded(bytesOf(name));

const MOST_BYTES = 255;
const ID = '[0-9a-f]{24}';
const PARKED = new RegExp(`^(${ID})~(.*)$`, 's');
const KEPT = new RegExp(`^.*~${ID}(\\.reason\\.json)?$`, 's');

/** `<id>~<name>` under `sending`. A name that is too long for that has a folder of its own. */
export const parkedAs = (id: string, name: string): string[] =>
  id.length + 1 + name.length <= MOST_BYTES ? [`${id}~${name}`] : [`${id}~`, name];

/** Null where the name is none of ours. An empty name: the file is inside. */
export function readParked(entry: string): { id: string; name: string } | null {
  const [, id, name] = PARKED.exec(entry) ?? [];
  return id === undefined || name === undefined ? null : { id, name };
}

/** `<name>~<id>`, where it ends. The name of a file that is too long for that is cut. */
export const keptAs = (id: string, name: string): string =>
  `${name.slice(0, MOST_BYTES - id.length - 1 - REASON.length)}~${id}`;

export const REASON = '.reason.json';
/** Whether retention may remove it. */
export const isKept = (entry: string): boolean => KEPT.test(entry);

/** What producers write before they rename it, and what hides: never sent. */
const IGNORED = /^\.|^~\$|\.(tmp|temp|part|partial|filepart|crdownload|swp)$|~$/i;
export const isIgnored = (name: string): boolean => IGNORED.test(name);
