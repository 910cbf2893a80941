/** Everybody who writes to Temporal encrypts alike, or refuses to write: what one writes in clear stays in histories. */
import type { Config } from './config-schema.ts';
import type { ControlStore } from './control.ts';
import { codecKeysOf } from './data-converter.ts';
import { markOf } from './encryption-keys.ts';

type Agreed = Pick<ControlStore, 'encryption' | 'setEncryption'>;

/** This process would write otherwise than the others do. */
export class EncryptionDisagreement extends Error {
  override name = 'EncryptionDisagreement';
}

/** For commands: what they write must be as intake and workers write it. @throws EncryptionDisagreement with the remedy */
export async function requireAgreement(config: Config, control: Agreed): Promise<void> {
  const agreed = await control.encryption();
  if (agreed === null) return;
  const { reading } = codecKeysOf(config);
  const known = reading?.find(agreed.key);
  if (known !== undefined && markOf(known) === agreed.mark) return;
  const ours =
    reading === null
      ? 'there are no keys here, so that this would be written in clear'
      : known === undefined
        ? `ours are ${reading.ids().join(', ')}`
        : 'ours of that name is another one';
  throw new EncryptionDisagreement(
    `Intake and workers encrypt what Temporal keeps with the key "${agreed.key}", and ${ours}. Give this process the same keys, in ENCRYPTION_KEYS or in the file that encryption.keyFile names. If that key is lost for good, remove the document with the _id "encryption" from the collection of "control"`,
  );
}

/**
 * For intake and workers, when they start: the first that encrypts binds the others. Whoever says `off` and has the key all the
 * same goes back to clear text on purpose.
 * @throws EncryptionDisagreement as requireAgreement does
 */
export async function agreeOnEncryption(config: Config, control: Agreed): Promise<void> {
  await requireAgreement(config, control);
  const key = codecKeysOf(config).writing();
  await control.setEncryption(key === null ? null : { key: key.id, mark: markOf(key) });
}
