import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns } from '../../src/commands/table.ts';

test('columns stay in line below characters that are wide, or have accents of their own', () => {
  const text = columns([
    ['名前', 'x'],
    ['e\u0301ab', 'x'],
    ['🙂', 'x'],
    ['abcd', 'x'],
  ]);
  assert.deepEqual(text.split('\n'), ['名前  x', 'e\u0301ab   x', '🙂    x', 'abcd  x']);
});
