/** What a handler process prints, line by line: bounded, because nobody has promised that it prints little. */
import type { Readable } from 'node:stream';

/** Characters; what is longer comes in pieces. */
const LONGEST = 8_000;
const MOST_EACH_SECOND = 1_000;

export function eachLine(stream: Readable, told: (line: string) => void): void {
  const bounded = boundedBySecond(told);
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(bounded);
    if (rest.length <= LONGEST) return;
    bounded(rest);
    rest = '';
  });
  stream.on('end', () => bounded(rest));
  stream.on('error', () => {});
}

function boundedBySecond(told: (line: string) => void): (line: string) => void {
  let second = 0;
  let count = 0;
  return (line) => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      if (count > MOST_EACH_SECOND) told(`… and ${count - MOST_EACH_SECOND} lines more, left out`);
      second = now;
      count = 0;
    }
    if (line.trim() === '') return;
    count += 1;
    if (count <= MOST_EACH_SECOND) told(line.slice(0, LONGEST));
  };
}
