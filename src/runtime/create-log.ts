import { pino } from 'pino';
import { build as pretty } from 'pino-pretty';
import { jsonText, onOneLine } from './foreign-text.ts';
import type { Level, Log } from './log.ts';
import { maskText } from './mask.ts';

/**
 * JSON lines on stderr, so that stdout is free for what a command prints; pretty on a terminal. Facts never hold
 * a message's content, a header's value or an address with its password.
 */
export function createLog(
  role: string,
  { level, format }: { level: string; format: 'auto' | 'json' | 'pretty' },
): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const lines = isPretty ? null : pino.destination({ fd: 2, sync: false });
  const stream =
    lines === null
      ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
      : { write: (line: string) => lines.write(jsonText(line)) };
  const logger = pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  const shown = (text: string): string => (isPretty ? onOneLine(maskText(text)) : maskText(text));
  const at = (each: Level) => (facts: object, sentence: string) => {
    if (logger.isLevelEnabled(each)) logger[each](withTexts(facts, shown), shown(sentence));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The facts with each text changed, names as well, however deep. */
function withTexts(facts: object, change: (text: string) => string): object {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]: [string, unknown]) => [
      change(name),
      changed(value, change),
    ]),
  );
}

function changed(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((each: unknown) => changed(each, change));
  const isPlain =
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? withTexts(value, change) : value;
}
