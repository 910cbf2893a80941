/** Every process that writes to Temporal encrypts alike, or refuses to write: clear text would stay in histories. */
import { OWN, ownName } from '../mongo/collections.ts';
import type { Config } from '../config/schema.ts';
import type { Control, ControlStore, EncryptionDocument } from './control.ts';
import { codecKeysOf } from '../temporal/keys.ts';
import { markOf, type EncryptionKey } from '../runtime/encryption-keys.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import type { CodecKeys } from '../temporal/payload-codec.ts';

type Agreed = Pick<ControlStore, 'encryption' | 'setEncryption'>;
type Noted = EncryptionDocument | null;

export class EncryptionDisagreement extends Error {
  override name = 'EncryptionDisagreement';
}

/** For commands: what they write must be as intake and workers write it. @throws EncryptionDisagreement with the remedy */
export async function requireAgreement(config: Config, control: Agreed): Promise<void> {
  refuse(await control.encryption(), codecKeysOf(config), config);
}

export type Agreement = ReturnType<typeof agreementOf>;

/** For a process that stays, whose key may change while it runs. @throws Error when the keys cannot be read */
export function agreementOf(config: Config, control: () => Promise<Agreed>, log: Log) {
  const keys = codecKeysOf(config);
  let isNoting = false;
  /** The mark of the key that we have noted last. */
  let said: string | null = null;
  let told: string | null = null;

  async function note(noted: Noted): Promise<void> {
    const wanted = noteOf(keys.writing());
    const isNoted = noted?.key === wanted?.key && noted?.mark === wanted?.mark;
    if (!isNoted) await (await control()).setEncryption(wanted);
    said = wanted?.mark ?? null;
    if (isNoted) return;
    log.info({ key: wanted?.key ?? null }, 'Noted for the others which key writes to Temporal');
  }

  /**
   * After each reading of control: notes the key that this process writes with where that has changed, so that processes without
   * the old one may start. While a key is changed, others write with another one: nobody says again what he has said. Returns why this process must not write, or null. Never throws.
   */
  function follow({ encryption: noted }: Pick<Control, 'encryption'>): string | null {
    const trouble = disagreement(noted, keys, config);
    const isSaid = said === (noteOf(keys.writing())?.mark ?? null);
    if (trouble === null && !isNoting && (noted === null || !isSaid)) {
      isNoting = true;
      note(noted)
        .catch((error: unknown) => {
          log.warn(
            { runbook: 'mongodb-away', ...errorFacts(error) },
            'Could not note which key writes to Temporal; tried again',
          );
        })
        .finally(() => (isNoting = false));
    }
    if (trouble !== null && trouble !== told) log.error({ runbook: 'encryption-key' }, trouble);
    told = trouble;
    return trouble;
  }

  return {
    /**
     * The first process that encrypts binds the others. One that is set to `off` and has the key goes back to clear text on
     * purpose.
     * @throws EncryptionDisagreement with the remedy, and what MongoDB throws
     */
    async begin(): Promise<void> {
      const noted = await (await control()).encryption();
      refuse(noted, keys, config);
      await note(noted);
    },
    follow,
  };
}

const noteOf = (key: EncryptionKey | null) =>
  key === null ? null : { key: key.id, mark: markOf(key) };

function refuse(noted: Noted, keys: CodecKeys, config: Config): void {
  const trouble = disagreement(noted, keys, config);
  if (trouble !== null) throw new EncryptionDisagreement(trouble);
}

/** Null where we have the key that is noted, or none is noted. */
function disagreement(noted: Noted, { reading }: CodecKeys, { mongodb }: Config): string | null {
  if (noted === null) return null;
  const known = reading?.find(noted.key);
  if (known !== undefined && markOf(known) === noted.mark) return null;
  const ours =
    reading === null
      ? 'there are no keys here, so that this would be written in clear'
      : known === undefined
        ? `ours are ${reading.ids().join(', ')}`
        : 'ours of that name is another one';
  return `Intake and workers encrypt what Temporal keeps with the key "${noted.key}", and ${ours}. Give this process the same keys, in ENCRYPTION_KEYS or in the file that encryption.keyFile names. If that key is lost for good, remove the document { _id: "encryption" } from ${ownName(OWN.control, mongodb.ownPrefix)}`;
}
