/** Answers as `curl -i` writes them into a file. */
import { answerOf, type Answer } from '../net/exchange.ts';

type Answered = Extract<Answer, { kind: 'answer' }>;

const STATUS_LINE = /^HTTP\/[\d.]+ (\d{3})(?: [^\r\n]*)?\r?\n/;
/** `curl` has unpacked it already where it was told to (--compressed), and leaves the header as it was. */
const PLAIN = /^\s*[{["<]/;

/**
 * The last answer in it: `-i` writes what came before, too, 100 Continue or the answer of a proxy's tunnel.
 * @throws Error where there is none
 */
export function recordedAnswer(bytes: Buffer, maxBytes: number): Answered {
  let rest = bytes;
  let head: { status: number; headers: Record<string, string> } | null = null;
  for (;;) {
    const text = rest.toString('latin1');
    const status = STATUS_LINE.exec(text)?.[1];
    if (status === undefined) break;
    const end = /\r?\n\r?\n/.exec(text);
    const length = end === null ? text.length : end.index + end[0].length;
    head = { status: Number(status), headers: headersIn(text.slice(0, length)) };
    rest = rest.subarray(length);
  }
  if (head === null)
    throw new Error('it does not begin with "HTTP/1.1 200": record it with "curl -i"');
  if (PLAIN.test(rest.toString('latin1'))) delete head.headers['content-encoding'];
  const answer = answerOf(head, rest, maxBytes);
  if (answer.kind === 'none') throw new Error(answer.reason);
  return answer;
}

function headersIn(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).slice(1);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 1
        ? []
        : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
}
