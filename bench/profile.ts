/** Where a process spends its time: V8's sampling profiles, added up by package. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** Arguments of Node that have it write a profile of each of its JavaScript threads when it ends. */
export const profiling = (folder: string): string[] => ['--cpu-prof', '--cpu-prof-dir', folder];

/**
 * By thread, then by package: the share of the time in which the thread was not idle. Time in Node's own functions counts
 * for whoever called them. The clock is the wall's: waiting for a core is in it.
 */
export function readProfiles(folder: string): Record<string, Record<string, number>> {
  // CPU.<day>.<time>.<process>.<thread>.<number>.cpuprofile
  const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'));
  return Object.fromEntries(
    files.sort().map((file) => {
      const thread = file.split('.')[4] ?? '';
      return [thread === '0' ? 'main' : `workflows-${thread}`, shares(join(folder, file))];
    }),
  );
}

function shares(file: string): Record<string, number> {
  const { nodes, samples, timeDeltas } = profile.parse(JSON.parse(readFileSync(file, 'utf8')));
  const owners = ownersOf(nodes);
  const times = new Map<string, number>();
  let total = 0;
  for (const [n, id] of samples.entries()) {
    const owner = owners.get(id) ?? '';
    if (owner === '') continue;
    const time = timeDeltas[n] ?? 0;
    times.set(owner, (times.get(owner) ?? 0) + time);
    total += time;
  }
  const sorted = [...times].sort(([, a], [, b]) => b - a);
  const parts = sorted.map(([owner, time]): [string, number] => [owner, time / total]);
  return Object.fromEntries(
    parts
      .filter(([, share]) => share >= 0.005)
      .map(([owner, share]) => [owner, Math.round(share * 1_000) / 1_000]),
  );
}

/** The package of each node of the tree of calls, or of its nearest caller that has one; '' for idle time. */
function ownersOf(nodes: z.infer<typeof profile>['nodes']): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const owner = ownerOf(node.callFrame) ?? caller;
    owners.set(id, owner);
    for (const child of node.children ?? []) visit(child, owner);
  };
  const [root] = nodes;
  if (root !== undefined) visit(root.id, 'node');
  return owners;
}

function ownerOf({ functionName, url }: { functionName: string; url: string }): string | null {
  if (functionName === '(idle)') return '';
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url.includes('async_hooks')) return 'async_hooks';
  if (url.startsWith('node:internal/crypto')) return 'crypto';
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  return /\/dist\/(?:src|activities|workflows)\//.test(url) ? 'despachante' : null;
}
