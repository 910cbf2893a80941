/** The id of a file's task: its name as people know it, and its own id, by which it is found. */
import { shownName } from './names.ts';

const MOST_NAME = 300;
const ID = /~([0-9a-f]{24})$/;

export const taskIdOf = (name: string, id: string): string =>
  `${shownName(nameOf(name)).slice(0, MOST_NAME)}~${id}`;

/** @throws Error where it is none */
export function fileIdIn(taskId: string): string {
  const id = ID.exec(taskId)?.[1];
  if (id === undefined) throw new Error(`${taskId} is no task of a folder`);
  return id;
}

/** The name under which it is sent: one that was moved back by hand has our id behind it. */
export const nameOf = (name: string): string => name.replace(ID, '');

/** The id that a file had which was moved back by hand. */
export const idBefore = (name: string): string | null => ID.exec(name)?.[1] ?? null;
