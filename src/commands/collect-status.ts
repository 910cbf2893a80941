import type { Command } from 'commander';
import { folderState, type FolderState } from '../operations/folder-state.ts';
import { withStore } from '../registrations/neighbours.ts';
import { sizeText } from '../config/values.ts';
import { foldersFor, type CollectOptions } from './folders-for.ts';
import { answer, load } from './context.ts';
import { EXIT } from './exit.ts';
import { line, number, paint, when } from './table.ts';

export async function collectStatus(_: CollectOptions, command: Command): Promise<void> {
  const { config } = load(command);
  const { folders } = foldersFor(command.optsWithGlobals<CollectOptions>());
  const states = await withStore(config, async ({ own, control }) => {
    const now = await control.read();
    return Promise.all(folders.map((folder) => folderState(config, own, now, folder)));
  });
  answer(command, states, () =>
    states.length === 0 ? 'No folder is collected' : states.map(textOf).join('\n\n'),
  );
  if (states.some(({ isCollected }) => !isCollected)) process.exitCode = EXIT.found;
}

const PASSED: Readonly<Record<string, string>> = {
  ignored: 'ignored: names of files that are not finished, or hidden',
  'not-regular': 'no regular files: links, pipes and devices are never sent',
  'no-permission': 'may not be read by this user',
  unreadable: 'cannot be looked at',
  empty: 'empty, and the folder ignores those',
};

function textOf(folder: FolderState): string {
  const { seen, again, oldest } = folder;
  const why = folder.paused
    ? `paused: ${line(folder.paused.reason)} (${line(folder.paused.by)})`
    : folder.closedBy;
  return [
    `${paint.bold(line(folder.name))}  ${line(folder.path)}`,
    ...(folder.isCollected
      ? []
      : [
          paint.yellow(
            `  no collector looks at it${seen === null ? '' : ` since ${when(seen.at)}`}`,
          ),
        ]),
    ...(why === null ? [] : [paint.yellow(`  nothing is taken: ${line(why)}`)]),
    ...(seen === null ? [] : seenText(seen)),
    `  ${number(folder.open)} being sent or tried again, ${number(folder.failed)} failed`,
    ...again.map(
      (each) =>
        `    ${number(each.count)} tried again: ${line(each.reason)} (since ${when(each.since)})`,
    ),
    ...(again.length === 0 ? [] : oldest.map(oldestText)),
  ].join('\n');
}

const oldestText = ({ id, attempts, since }: FolderState['oldest'][number]): string =>
  `      ${line(id)}  ${number(attempts)} attempts, since ${when(since)}`;

function seenText({ waiting, ready, passed }: NonNullable<FolderState['seen']>): string[] {
  const oldest = ready.oldestMs === null ? '' : `, the oldest for ${seconds(ready.oldestMs)}`;
  return [
    `  ${number(waiting.count)} not ready yet, ${number(ready.count)} ready (${sizeText(ready.bytes)}${oldest})`,
    ...waiting.some
      .slice(0, 5)
      .map(({ name, forMs }) => `    ${line(name)}  seen for ${seconds(forMs)}`),
    ...Object.entries(passed).map(
      ([why, { count, some }]) =>
        `  ${number(count)} ${PASSED[why] ?? why}: ${some.map(line).join(', ')}`,
    ),
  ];
}

const seconds = (ms: number): string => `${number(Math.round(ms / 1_000))} s`;
