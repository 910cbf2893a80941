/** Which time must be shorter than which, and why. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as timing from '../../src/domain/timing.ts';

const RULES: readonly [why: string, holds: boolean][] = [
  [
    'An attempt takes itself for dead before the server does: the last beat it was told of may be as old as BEAT_TOLD, and the look at the clock as BEAT. Else two attempts would POST at the same time.',
    timing.MARGIN_MS >= timing.BEAT_TOLD_MS + timing.BEAT_MS &&
      timing.MARGIN_MS < timing.HEARTBEAT_TIMEOUT_MS,
  ],
  [
    'The server is told of a beat twice at least before it loses patience, so that one beat that is lost kills nobody.',
    2 * timing.BEAT_TOLD_MS < timing.HEARTBEAT_TIMEOUT_MS,
  ],
  [
    'A POST begins while its intent may still be on the wire for whoever reads the journal (sentUntil: HEARTBEAT_TIMEOUT and the time limit of the request). Else a look-up would find nothing, and it would be POSTed again.',
    timing.OPENED_MS < timing.HEARTBEAT_TIMEOUT_MS,
  ],
  [
    'A local activity is over before the SDK prolongs its workflow task: timers would fire between, and a replay would decide otherwise.',
    timing.LOCAL_BEGIN_MS + timing.LOCAL_ATTEMPT_MS < timing.PROLONGED_MS,
  ],
  [
    'A local activity takes itself for dead before its workflow task is given to another worker, whenever it began to stand still.',
    timing.LOCAL_BEGIN_MS + timing.LOCAL_ATTEMPT_MS + timing.LOCAL_SILENCE_MS <=
      timing.WORKFLOW_TASK_MS,
  ],
  [
    'A local activity that waited for as long as it may still has time to return, with the grace of a first answer.',
    timing.LOCAL_PATIENCE.inAll + timing.GRACE_MS < timing.LOCAL_ATTEMPT_MS,
  ],
  [
    'A first answer that came just in time has its grace within the patience for all.',
    timing.LOCAL_PATIENCE.forOne + timing.GRACE_MS < timing.LOCAL_PATIENCE.inAll,
  ],
  [
    'A local activity that waits at the gate gives up first: what it is granted afterwards is not sent, and its run is not held up.',
    timing.LOCAL_PATIENCE.inAll < timing.GATE_WAIT_MS,
  ],
  [
    'Who waits at the gate is back before its worker could be thought dead: what was cancelled meanwhile ends in time.',
    timing.GATE_WAIT_MS < timing.HEARTBEAT_TIMEOUT_MS,
  ],
  [
    'What was read of a claim is believed for no longer than an attempt that stands still is believed alive: else a run could act on a claim that was taken from it.',
    timing.FRESH_MS <= timing.HEARTBEAT_TIMEOUT_MS - timing.MARGIN_MS,
  ],
  [
    'An activity returns only when what it began has its intents, or will not be sent any more: reading the claim and writing the intent, each with its limit.',
    timing.BEGUN_MS > timing.FRESH_MS + timing.OPENED_MS,
  ],
  [
    'Intents are taken back within the attempt that wrote them.',
    timing.WITHDRAWN_MS < timing.START_TO_CLOSE_MS,
  ],
  [
    'A step of our own has an attempt that outlasts a heartbeat timeout by far, and is shorter than one that asks the legacy system.',
    timing.OWN_START_TO_CLOSE_MS > 2 * timing.HEARTBEAT_TIMEOUT_MS &&
      timing.OWN_START_TO_CLOSE_MS < timing.START_TO_CLOSE_MS,
  ],
  [
    'Who is offline has missed three beats: one that is lost, or two, takes no share and alarms nobody.',
    timing.SILENT_MS > 3 * timing.PROCESS_BEAT_MS,
  ],
  [
    'A worker gives its share up before the others may take it, whenever it last looked: else they would have more on the wire than the limit.',
    timing.GIVEN_UP_MS + timing.ADJUST_MS <= timing.SILENT_MS &&
      timing.GIVEN_UP_MS > timing.PROCESS_BEAT_MS,
  ],
];

for (const [why, holds] of RULES) test(why, () => assert.ok(holds));

test('workflow code writes no timeout that is not among them', () => {
  for (const name of readdirSync('workflows', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const code = readFileSync(join('workflows', name), 'utf8');
    assert.doesNotMatch(code, /Timeout: ['"\d]/, name);
  }
});
