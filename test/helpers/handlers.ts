/** A caller of the handlers in test/handlers/fixtures, and what its log has told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createCaller, type CallerOptions } from '../../src/handlers/caller.ts';
import type { HandlerModule } from '../../src/handlers/handler-module.ts';
import type { Log } from '../../src/runtime/log.ts';
import type { Call } from '../../src/workers/call.ts';
import type { Act } from '../handlers/fixtures/acts.ts';

interface Line {
  level: keyof Log;
  facts: object;
  sentence: string;
}

export const fixture = (name: string, argument?: unknown): HandlerModule => ({
  url: new URL(`../handlers/fixtures/${name}.js`, import.meta.url).href,
  ...(argument === undefined ? {} : { argument }),
});

export const callOf = (id: string, act: Act): Call => ({
  ...{ id, attempt: 1, isLastAttempt: false, key: null, headers: {}, receivedAt: 0 },
  body: Buffer.from(JSON.stringify(act)).toString('base64'),
});

/** Lines of a log, and the wait for one. */
export function heardLog() {
  const lines: Line[] = [];
  const listeners = new Set<() => void>();
  const at = (level: keyof Log) => (facts: object, sentence: string) => {
    lines.push({ level, facts, sentence });
    for (const listener of listeners) listener();
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return {
    log,
    lines,
    /** The first line that begins so and comes, or has come. */
    told: (beginning: string, count = 1) =>
      new Promise<Line>((resolve) => {
        const look = (): void => {
          const found = lines.filter(({ sentence }) => sentence.startsWith(beginning))[count - 1];
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
  };
}

export function startCaller(t: TestContext, options: Partial<CallerOptions> = {}) {
  const { log, lines, told } = heardLog();
  const folder = mkdtempSync(join(tmpdir(), 'handlers-'));
  const counted: [name: string, by: number][] = [];
  const caller = createCaller({
    ...{ module: fixture('acts'), env: { PATH: process.env['PATH'] }, log },
    ...{ concurrency: 4, timeoutMs: 60_000 },
    facts: ({ id }) => ({ task: id }),
    count: (name, by) => counted.push([name, by]),
    ...options,
  });
  t.after(async () => {
    await caller.stop(0);
    rmSync(folder, { recursive: true });
  });
  return {
    ...{ caller, lines, told, counted },
    call: (id: string, act: Act, how?: { alone?: boolean }) => caller.call(callOf(id, act), how),
    /** The file that lets a held call go on. */
    gate: (name: string) => join(folder, name),
    open: (name: string) => writeFileSync(join(folder, name), ''),
  };
}
