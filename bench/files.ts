/**
 * Files of a folder, sent to a receiver that hashes and counts: ours, and beside it curl and rclone, which keep no account of what they
 * have sent, and Camel, which moves what it has sent. On compiled code and the servers named by the environment: `npm run bench:files`.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { wholeNumber } from '../src/commands/arguments.ts';
import { FILES, contest, figuresOf, type Asked, type Sent } from './send/figures.ts';
import { inPlace, type Place } from './send/place.ts';
import { received, runProgram, type Spent } from './send/receiving.ts';
import { camel, rclone } from './contestants.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CASES = {
  small: { title: '10,000 files of 4 KiB', count: 10_000, bytes: 4 * KIB, unit: 'files/s' },
  crowd: { title: '100,000 files of 1 KiB', count: 100_000, bytes: KIB, unit: 'files/s' },
  eight: { title: '8 files of 512 MiB', count: 8, bytes: 512 * MIB, unit: 'MB/s' },
  one: { title: 'a file of 4 GiB', count: 1, bytes: 4_096 * MIB, unit: 'MB/s' },
} as const;
type Case = { title: string; count: number; bytes: number; unit: string };
const isCase = (name: string): name is keyof typeof CASES => Object.hasOwn(CASES, name);

const WHO = ['Despachante', 'curl', 'rclone', 'Camel'] as const;
type Who = (typeof WHO)[number];
const AT_ONCE = 32;

interface Options extends Asked {
  only?: string;
  count?: number;
}

async function bench({ only, count, ...asked }: Options): Promise<void> {
  for (const name of only?.split(',') ?? Object.keys(CASES)) {
    if (!isCase(name)) throw new Error(`There is no case ${name}: see --help`);
    const measured: Case = { ...CASES[name], ...(count === undefined ? {} : { count }) };
    const { title, unit } = measured;
    const who = name === 'crowd' ? (['Despachante'] as const) : WHO;
    await contest(who, asked, { case: name, title, unit, script: 'bench:files' }, (each) =>
      inPlace((place) => once(each, measured, place)),
    );
  }
}

async function once(who: Who, { count, bytes, unit }: Case, place: Place): Promise<Sent> {
  const { receiver, folder } = place;
  const inbox = fill(join(folder, 'inbox'), count, bytes);
  const { spent, endedAt, notes } =
    who === 'Despachante'
      ? await ours(place, inbox, count)
      : { spent: await theirs(who, place, inbox, count), endedAt: 0, notes: '' };
  const { firstAt, lastAt } = await received(receiver, count);
  const seconds = (Math.max(lastAt, endedAt) - firstAt) / 1_000;
  const done = unit === 'MB/s' ? (count * bytes) / 1e6 : count;
  return { ...figuresOf(done / seconds, spent, count), notes };
}

/** Large ones have nothing in them: they cost no disk. */
function fill(inbox: string, count: number, bytes: number): string {
  mkdirSync(inbox);
  for (let n = 0; n < count; n += 1) {
    const path = join(inbox, fileName(n));
    if (bytes <= MIB) writeFileSync(path, Buffer.alloc(bytes, `${n} `));
    else {
      const file = openSync(path, 'w');
      ftruncateSync(file, bytes);
      closeSync(file);
    }
  }
  return inbox;
}

const fileName = (n: number): string => `file-${n}.dat`;
const status = z.object({ tookMs: z.number() });

/** Durable: until the last claim says how its file has ended. */
async function ours({ folder, receiver, ours, settledAt }: Place, inbox: string, count: number) {
  const file = join(folder, 'folders.yaml');
  const send = `{url: '${receiver.url}/{folder}/{name}', concurrency: ${AT_ONCE}}`;
  writeFileSync(
    file,
    `folders:\n  - {name: inbox, path: '${inbox}', ready: rename, send: ${send}}\n`,
  );
  const spent = await ours(['collect', '--folders', file], count);
  const { tookMs } = status.parse(
    JSON.parse(readFileSync(join(inbox, '.despachante', 'status.json'), 'utf8')),
  );
  return { spent, endedAt: await settledAt(), notes: `last look ${tookMs} ms` };
}

type Other = Exclude<Who, 'Despachante'>;

const theirs = async (who: Other, place: Place, inbox: string, count: number): Promise<Spent> =>
  runProgram(await commandOf(who, place, inbox, count), join(place.folder, `${who}.log`));

/** @throws LeftOut */
async function commandOf(
  who: Other,
  { folder, receiver }: Place,
  inbox: string,
  count: number,
): Promise<string[]> {
  switch (who) {
    case 'Camel':
      return [...(await camel(folder)), inbox, receiver.url, String(count), String(AT_ONCE)];
    case 'rclone': {
      const to = [':webdav:', '--webdav-url', receiver.url, '--webdav-vendor', 'other'];
      const how = ['--transfers', String(AT_ONCE), '--no-traverse', '--no-check-dest'];
      const config = join(folder, 'rclone.conf');
      writeFileSync(config, '');
      return [await rclone(), '--config', config, 'copy', inbox, ...to, ...how];
    }
    case 'curl': {
      const list = join(folder, 'curl.txt');
      const pairs = Array.from(
        { length: count },
        (_, n) =>
          `upload-file = "${join(inbox, fileName(n))}"\nurl = "${receiver.url}/${fileName(n)}"\n`,
      );
      writeFileSync(list, pairs.join(''));
      return ['curl', '-sS', '-Z', '--parallel-max', String(AT_ONCE), '-K', list];
    }
  }
}

await new Command('bench:files')
  .option('--only <cases>', `of: ${Object.keys(CASES).join(', ')}`)
  .option('--contestants <names>', `of: ${WHO.join(', ')}`)
  .option('--count <n>', 'files, instead of those of the case', wholeNumber(1, 1_000_000))
  .option('--runs <n>', 'of each; the one in the middle counts', wholeNumber(1, 99), 3)
  .option('--out <file>', `where figures are kept (those in ${FILES} are those of the docs)`, FILES)
  .action(bench)
  .parseAsync();
process.exit();
