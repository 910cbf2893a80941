/** A folder as a worker: its source, the sender of its files, and where they end. */
import { httpEndpoint } from '../config/endpoint.ts';
import type { FolderSetting } from '../config/folders.ts';
import { doneAs } from '../domain/folders.ts';
import { readClaimKey } from '../domain/names.ts';
import type { Collector } from '../folders/collector.ts';
import { endsOf } from '../folders/ends.ts';
import { placeOf } from '../folders/place.ts';
import { createSender } from '../folders/sender.ts';
import { openFolder } from '../folders/source.ts';
import { idBefore, taskIdOf } from '../folders/task-id.ts';
import type { openDelivery } from '../outbound/deliver.ts';
import type { Log } from '../runtime/log.ts';
import { builtInCaller } from '../workers/built-in.ts';
import type { Caller } from '../workers/call.ts';
import { idOf } from './call-of.ts';
import type { TaskClaims } from './claims.ts';
import { recover } from './folder-recovery.ts';
import { UnreadableOutput } from './outgoing.ts';
import type { Connected } from './brokers.ts';
import type { Results } from './results.ts';
import type { Running } from './rules.ts';

type Claims = Pick<TaskClaims, 'latest' | 'leave'>;

export interface FolderWorker {
  worker: Running;
  caller: Caller;
  connected: (claims: TaskClaims) => Connected;
  results: Results;
}

interface Needs {
  folder: FolderSetting;
  host: string;
  delivery: ReturnType<typeof openDelivery>;
  collector: Collector;
  log: Log;
}

/** Attempts are not counted: a file is tried again until it is too old. */
const ENDLESS = Number.MAX_SAFE_INTEGER;
/** Calls that wait for a place on the wire cost nothing. */
const MOST_CALLS = 1_000;
/** What became of a file stands in its claim, whatever the settings say of results. */
const IN_CLAIM: Results = {
  kept: (result) => JSON.stringify(result),
  areInClaim: () => true,
  write: () => Promise.resolve(),
};
const RETRY = { kind: 'exponential', initial: 1_000, longest: 300_000, jitter: 0.2 } as const;

export function folderWorker(needs: Needs): FolderWorker {
  const { folder, host, delivery, collector, log } = needs;
  const { name } = folder;
  const place = placeOf(folder.path);
  const ends = endsOf(folder, place);
  const send = createSender({
    folder: { ...folder, concurrency: folder.send.concurrency },
    ...{ place, host },
    deliver: delivery.deliver,
    ended: collector.ended,
  });
  const caller = builtInCaller(send);

  return {
    worker: {
      name,
      from: { broker: 'folder', name },
      queue: null,
      deadLetters: { broker: 'folder', name },
      redrivesByItself: false,
      concurrency: MOST_CALLS,
      timeoutMs: 0,
      isIsolated: true,
      isHarmless: true,
      to: null,
      retry: { max: ENDLESS, ...RETRY },
      batch: null,
      isOrdered: false,
      identify: null,
      keep: { resultMs: 0, failureMs: 0 },
      sends: { endpoint: httpEndpoint(name, folder.send), pass: delivery.pass },
      isCounted: true,
      // What was gone, and lies there again as it was: its folder was away, or another one stood in its place.
      mayComeAgain: ({ result }) => doneAs(result) !== 'sent',
    },
    caller,
    results: IN_CLAIM,
    connected: (claims) => ({
      open: openFolder({
        ...{ folder, place, collector, host, log },
        recover: () => recover({ folder, place, ends, claims, log }),
        movedBack: (file) => movedBack(claims, file),
      }),
      channels: {
        publish: (outgoing) => ends.publish(outgoing),
        bury: ({ claim, ownClass, ...letter }) =>
          ends.bury({ ...letter, class: ownClass, task: taskOf(claim) }),
        isUnpublishable: (error): error is Error => error instanceof UnreadableOutput,
      },
      failures: { publish: () => Promise.reject(new Error('a folder has no malformed files')) },
    }),
  };

  function taskOf(claim: string): string {
    const item = readClaimKey(claim)?.id ?? claim;
    return idOf({ worker: name, item });
  }

  /** A failed file that a person has moved back to the folder: it is a new task, and its failure waits no longer. */
  async function movedBack(claims: Claims, file: string): Promise<void> {
    const id = idBefore(file);
    if (id === null) return;
    const failed = await claims.latest(`${name}/${taskIdOf(file, id)}`);
    if (failed === null) return;
    await claims.leave([failed._id], 'taken');
    await place.forgetWhy(id, file.slice(0, -id.length - 1));
  }
}
