/** Runs jobs where the handlers are, and tells their ends. */
import type { Log } from '../runtime/log.ts';
import type { Call, Ended, Hook } from '../workers/call.ts';
import type { CallContext, Runner } from './handler-module.ts';
import type { Order, Told, Why } from './protocol.ts';

const SENTENCES: Readonly<Record<Why, [name: string, sentence: string]>> = {
  timeout: ['TimeoutError', 'The time of this call is over'],
  cancelled: ['CancelledError', 'The run of this task was cancelled'],
  stopping: ['StoppingError', 'This process is stopping'],
};

/** A told end waits so long for company while other jobs begin, ms. */
const TOGETHER_MS = 1;

interface Job {
  number: number;
  calls: Call[];
  isBatch: boolean;
  hook: Hook | null;
}

export function createLoop(runner: Runner, send: (told: Told[]) => void) {
  const waiting: Job[] = [];
  const running = new Map<number, AbortController>();
  let outbox: Told[] = [];
  let oldest = Infinity;
  let isFlushDue = false;

  function tell(told: Told): void {
    if (outbox.length === 0) oldest = performance.now();
    outbox.push(told);
    if (waiting.length === 0) flushSoon();
  }

  function flushSoon(): void {
    if (isFlushDue) return;
    isFlushDue = true;
    setImmediate(() => {
      isFlushDue = false;
      flush();
    });
  }

  function flush(): void {
    const told = outbox;
    outbox = [];
    oldest = Infinity;
    if (told.length > 0) send(told);
  }

  /** One job each turn of the loop: between two that block, an abort is heard, and the end of the first is told. */
  function step(): void {
    if (performance.now() - oldest > TOGETHER_MS) flush();
    const job = waiting.shift();
    if (job !== undefined) begin(job);
    if (waiting.length > 0) setImmediate(step);
    else flushSoon();
  }

  function begin(job: Job): void {
    const abort = new AbortController();
    running.set(job.number, abort);
    const context: CallContext = {
      signal: abort.signal,
      log: logOf(job.number),
      increment: (name, by) => tell(['count', name, by]),
    };
    void attempt(job, context).then((ends) => {
      running.delete(job.number);
      tell(['ended', job.number, ends]);
    });
  }

  async function attempt({ calls, isBatch, hook }: Job, context: CallContext): Promise<Ended[]> {
    try {
      if (hook !== null) {
        const all = calls.map(async (call) => runner.tell?.(call, hook, context));
        const told = Promise.all(all).then(() => true);
        if (await Promise.race([told, abortOf(context.signal)])) return [];
        context.increment('hook.error', 1);
        context.log.warn(`The hook ${hook.kind} is waited for no longer: its time is over`);
        return [];
      }
      if (isBatch) return await runner.runBatch(calls, context);
      return await Promise.all(calls.map((call) => runner.run(call, context)));
    } catch (error) {
      const reason = String(error);
      return calls.map(() => ({ kind: 'again', reason, class: 'internal', retryAfter: null }));
    }
  }

  /** A hook has no signal that it could heed. */
  const abortOf = (signal: AbortSignal): Promise<false> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(false)));

  function logOf(job: number): CallContext['log'] {
    const at =
      (level: keyof Log) =>
      (sentence: string, facts: object = {}) =>
        tell(['log', job, level, facts, sentence]);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  function abort(number: number, why: Why): void {
    const at = waiting.findIndex((job) => job.number === number);
    const [unbegun] = at < 0 ? [] : waiting.splice(at, 1);
    if (unbegun !== undefined)
      tell(['ended', number, unbegun.calls.map(() => ({ kind: 'interrupted' }))]);
    const [name, sentence] = SENTENCES[why];
    // Heard before the listeners run: one of them may block.
    if (running.has(number)) tell(['heard', number]);
    running.get(number)?.abort(new DOMException(sentence, name));
  }

  return {
    take(orders: Order[]): void {
      for (const order of orders) {
        if (order[0] === 'abort') abort(order[1], order[2]);
        if (order[0] !== 'run') continue;
        const [, number, calls, isBatch, hook] = order;
        if (waiting.push({ number, calls, isBatch, hook }) === 1) setImmediate(step);
      }
    },
    /** Before the process ends: what is done is not done again. */
    flush,
  };
}
