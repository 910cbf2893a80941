import { DEFAULTS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';

type Section = 'rabbit' | 'intake' | 'registration' | 'legacy' | 'mongodb';

export type Changes = Partial<Omit<Config, Section>> & {
  [S in Section]?: Partial<Config[S]>;
};

/** The defaults with some settings changed. */
export function testConfig(changes: Changes = {}): Config {
  return {
    ...DEFAULTS,
    ...changes,
    rabbit: { ...DEFAULTS.rabbit, ...changes.rabbit },
    intake: { ...DEFAULTS.intake, ...changes.intake },
    registration: { ...DEFAULTS.registration, ...changes.registration },
    legacy: { ...DEFAULTS.legacy, ...changes.legacy },
    mongodb: { ...DEFAULTS.mongodb, ...changes.mongodb },
  };
}
