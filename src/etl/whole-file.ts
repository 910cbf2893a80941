/**
 * A file that grows and is whole whenever somebody reads it. What is added goes to a working file; now and then a copy of that, with its
 * end, takes the place of the old one: written, synced and renamed. A copy shares its blocks with the working file where the file system can do that.
 * No more than a twentieth of the time goes into copies.
 */
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { moveOver, writeThrough } from '../runtime/durable.ts';

export interface Form {
  head: string;
  between: string;
  tail: string;
  /** With nothing in it. */
  empty: string;
}

export const ARRAY: Form = { head: '[\n', between: ',\n', tail: '\n]\n', empty: '[]\n' };
export const LINES: Form = { head: '', between: '\n', tail: '\n', empty: '' };

export type WholeFile = Awaited<ReturnType<typeof openWholeFile>>;

const EACH_MS = 500;
/** The rest after a copy is so many times as long as the copy took. */
const RESTS = 19;

/** @param work is written anew. @throws what the file system says, here or when it is shown */
export async function openWholeFile(path: string, work: string, form: Form) {
  const file = await open(work, 'w');
  let waiting: string[] = [];
  let count = 0;
  let isChanged = false;
  let notBefore = 0;

  async function append(): Promise<void> {
    const text = waiting.join('');
    waiting = [];
    if (text !== '') await file.appendFile(text);
  }

  /** Of what was added until now. */
  async function show(): Promise<void> {
    const begun = performance.now();
    isChanged = false;
    const end = count === 0 ? form.empty : form.tail;
    await append();
    const next = `${work}.next`;
    await copyFile(work, next, constants.COPYFILE_FICLONE);
    await writeThrough(next, 'a', end);
    await moveOver(next, path);
    const now = performance.now();
    notBefore = now + Math.max(EACH_MS, RESTS * (now - begun));
  }

  return {
    add(text: string): void {
      waiting.push((count === 0 ? form.head : form.between) + text);
      count += 1;
      isChanged = true;
    },
    append,
    show,
    /** Where something was added, and the last copy is not too near. */
    showIfDue: async (): Promise<void> => {
      if (isChanged && performance.now() >= notBefore) await show();
    },
    count: () => count,
    close: () => file.close(),
  };
}
