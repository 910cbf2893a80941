/** The pictures of the terminal: taken from a system that runs, and written where PICTURES names a folder, such as docs/images. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { openPublishedLedger } from '../../src/audit/published-ledger.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import { terminalSvg } from '../helpers/terminal-svg.ts';

// With an address for its links they would be most of a picture.
const system = await startSystem({ after, afterEach }, { env: { TEMPORAL_WEB_URL: '' } });
const flow = flowOf(system);

/** What a terminal shows when somebody types a command. */
async function typed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await flow.cli(...args, '--color');
  assert.equal(code, 0, stderr + stdout);
  const words = args.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ');
  return `$ despachante ${words}\n${stdout}`;
}

function draw(name: string, title: string, ...shown: string[]): string {
  const picture = terminalSvg(title, shown.join('\n'));
  const folder = process.env['PICTURES'];
  if (folder !== undefined) writeFileSync(join(folder, `${name}.svg`), picture);
  return picture;
}

test('pictures of a doubt that is decided, and of the sum over all', async () => {
  const bodies = Array.from({ length: 40 }, (_, n) => ({
    id: `reg-${String(n + 1).padStart(3, '0')}`,
    simulate: n % 10 === 3 ? { refuse: 'data de nascimento no futuro' } : {},
  }));
  const lost = { id: 'reg-041', simulate: { loseAnswer: true, latencyMs: 1_000 } };
  const all = [...bodies, lost].map((body) => ({ id: body.id, body: JSON.stringify(body) }));
  const ledger = await openPublishedLedger(join(system.folder, 'published.jsonl'));
  for (const { id, body } of all) {
    await flow.publishBytes(Buffer.from(body), {}, id);
    ledger.add({ id, body: Buffer.from(body) });
  }
  await ledger.close();
  await eventually('one is in doubt, and all others are settled', async () => {
    const { settled, inDoubt } = await flow.tally('reg-');
    assert.deepEqual({ settled, inDoubt }, { settled: 40, inDoubt: 1 });
  });

  const [requestId = ''] = flow.requestIdsOf(lost.id);
  const word = ['--request-id', requestId, '--operator', 'ana', '--reason', 'seen on screen 12'];
  const list = await typed('doubts', 'list');
  const confirmed = await typed('doubts', 'confirm', lost.id, ...word);
  assert.equal(await flow.outcomeOf(lost.id), 'registered');
  const doubt = draw(
    'terminal-doubt',
    'A doubt is listed, confirmed by Ana, and followed to its end',
    ...[list, confirmed, await typed('status', lost.id)],
  );
  assert.match(doubt, /class="bold">registration<.*reg-041.*by ana.*class="green">registered</s);
  const audit = await typed('audit', '--published', 'published.jsonl');
  const sum = draw('terminal-audit', 'The sum over 41 registrations holds', audit);
  assert.match(sum, /<tspan class="green">The sum holds<\/tspan>/);
  assert.doesNotMatch(sum, /\u{1b}/u);
});
