// What a careful change looks like: one more command, behind a patch, so that open runs go on as they began.
import { patched, sleep } from '@temporalio/workflow';
import { registrations as original } from '../../workflows/registrations/registrations.ts';
import type { RunInput } from '../../src/domain/registrations/run-input.ts';

export { sweep } from '../../workflows/registrations/sweep.ts';

export async function registrations(input: RunInput): Promise<unknown> {
  if (patched('one-more-command')) await sleep(1);
  return original(input);
}
