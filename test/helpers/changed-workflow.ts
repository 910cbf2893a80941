// What a careless change looks like: one more command than the recorded histories have.
import { sleep } from '@temporalio/workflow';
import { registrations as original } from '../../workflows/registrations/registrations.ts';
import type { RunInput } from '../../src/domain/registrations/run-input.ts';

export async function registrations(input: RunInput): Promise<unknown> {
  await sleep(1);
  return original(input);
}
