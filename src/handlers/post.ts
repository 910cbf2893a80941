/** A place that is kept filled: the next host comes when one leaves or dies, after growing rests where none gets anywhere. */
import { restBefore } from '../domain/backoff.ts';
import type { Log } from '../runtime/log.ts';
import type { Host, HostEvents } from './host.ts';

const RESTS = { kind: 'exponential', initial: 200, longest: 30_000 } as const;

/**
 * @param open a host, which is empty until it is up
 * @param isWanted whether to fill it; asked when it becomes vacant, and by `fill`
 * @param changed is told when there may be room for jobs
 */
export function createPost(
  open: (on: HostEvents) => Host,
  isWanted: () => boolean,
  changed: () => void,
  log: Log,
) {
  let current: Host | null = null;
  /** Hosts in a row that died before one of their jobs ended. */
  let failures = 0;
  let rest: NodeJS.Timeout | undefined;

  function fill(): void {
    if (current !== null || rest !== undefined || !isWanted()) return;
    const host: Host = open({
      up: changed,
      ended: () => {
        failures = 0;
        changed();
      },
      leaving: () => {
        if (current === host) current = null;
        fill();
      },
      gone: (reason) => {
        const isMine = current === host;
        if (isMine) current = null;
        if (reason !== null) tell(host, reason);
        if (isMine && reason !== null) restAfter(failures);
        fill();
        changed();
      },
    });
    current = host;
  }

  function tell(host: Host, reason: string): void {
    failures += 1;
    const facts = { pid: host.pid, reason };
    if (host.wasUp())
      log.error(
        { runbook: 'handlers-fail', ...facts },
        'The handler process died. What ran in it is tried again, alone',
      );
    else
      log.error(
        { runbook: 'handlers-fail', ...facts },
        'The handlers do not start. Calls wait until they do',
      );
  }

  /** None after the first. */
  function restAfter(count: number): void {
    if (count < 2) return;
    rest = setTimeout(
      () => {
        rest = undefined;
        fill();
      },
      restBefore(RESTS, count - 1),
    );
  }

  return {
    /** The host that may take jobs. */
    host: () => (current?.isUp() === true ? current : null),
    fill,
    /** Lets the host go, after so long at most, ms; the next comes without a rest. */
    renew(ms: number): void {
      failures = 0;
      clearTimeout(rest);
      rest = undefined;
      if (current === null) fill();
      else current.drain(ms);
    },
    /** To be called when nothing is wanted any more. */
    close: () => clearTimeout(rest),
  };
}
