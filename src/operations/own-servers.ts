/** The servers that `npm start` and `npm run engines` have brought up on this machine: nobody else's data is in them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const stateSchema = z.object({
  engines: z.record(z.string(), z.object({ addresses: z.record(z.string(), z.string()) })),
});

/**
 * Their addresses, as the state of the instance has them (engines/state.mjs). That an address is on this machine says nothing:
 * a tunnel ends here, too. Empty where there is no instance, and where its state cannot be read.
 * @param instance the folder that DESPACHANTE_INSTANCE names
 */
export function ownAddresses(instance: string | null): ReadonlySet<string> {
  if (instance === null) return new Set();
  try {
    const state = stateSchema.parse(JSON.parse(readFileSync(join(instance, 'state.json'), 'utf8')));
    return new Set(
      Object.values(state.engines).flatMap(({ addresses }) => Object.values(addresses)),
    );
  } catch {
    return new Set();
  }
}
