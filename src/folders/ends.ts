/** Brings files to where they end. Each may be done again: what has moved already stays. */
import { lstat } from 'node:fs/promises';
import { IN_DOUBT } from '../domain/folders.ts';
import type { Outgoing } from '../workers/call.ts';
import { attemptsIn } from './attempts.ts';
import { decodeFile, identityOf, isSame } from './identity.ts';
import { shownName } from './names.ts';
import { moveOf } from './outgoing.ts';
import type { Place } from './place.ts';
import { markerOf, type Ready } from './readiness.ts';
import { fileIdIn, nameOf } from './task-id.ts';

interface Setting {
  name: string;
  ready: Ready;
  done: 'keep' | 'delete';
}

/** What is told of a failure. */
export interface Failed {
  /** The id of its task. */
  task: string;
  class: string;
  reason: string;
  attempts: number;
  at: Date;
  body: Buffer;
}

export function endsOf(folder: Setting, place: Place) {
  const lastAttempts = attemptsIn(place.answers);
  return {
    async publish(outgoing: Outgoing): Promise<void> {
      const { to, day, ...kept } = moveOf(outgoing);
      if (to === 'inbox') await place.back(kept);
      else if (folder.done === 'delete') await place.remove(kept);
      else await place.keep(kept, 'done', day);
      await lastAttempts.forget(kept.id);
    },

    async bury({ task, body, class: kind, reason, attempts, at }: Failed): Promise<void> {
      const id = fileIdIn(task);
      const { identity } = decodeFile(body);
      const { name, size } = identity;
      const marker = folder.ready.kind === 'marker' ? markerOf(folder.ready.name, name) : null;
      const to = kind.startsWith('http-') || kind === 'empty' ? 'refused' : 'gaveup';
      // One that was cancelled before it was taken.
      const here = await lstat(place.inbox(name), { bigint: true }).catch(() => null);
      if (here !== null && isSame(identityOf(name, here), identity)) await place.park(id, name);
      const isDoubt = kind === IN_DOUBT;
      // It was on the wire when its run was cancelled: a redrive ends as in doubt first.
      const isLeft = !isDoubt && (await lastAttempts.isUnknown(id));
      await place.tellWhy(id, name, to, {
        file: shownName(nameOf(name)),
        ...{ folder: folder.name, id: task, class: kind, reason, attempts, at, size },
        ...(await lastAttempts.told(id)),
        again: `despachante failures redrive --from ${folder.name} '${task}'`,
        ...(isDoubt || isLeft
          ? { received: `despachante failures drop --from ${folder.name} '${task}'` }
          : {}),
      });
      await place.keep({ id, name, marker }, to, null);
      if (!isLeft) await lastAttempts.forget(id);
    },
  };
}
