/** How values become payloads and back, the same for everybody who speaks with Temporal: clients, workers, commands. */
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config/schema.ts';
import { codecKeysOf } from './keys.ts';
import { createPayloadCodec } from './payload-codec.ts';

/** Loaded by the SDK, in this process and in the sandbox of workflows. */
const FAILURE_CONVERTER = fileURLToPath(
  new URL('../../workflows/failure-converter.js', import.meta.url),
);

/** @throws Error when the keys cannot be read */
export function dataConverterOf(config: Config): DataConverter {
  const keys = codecKeysOf(config);
  return {
    payloadCodecs: [createPayloadCodec({ ...keys, strict: config.encryption.mode === 'on' })],
    // Messages of failures are no payloads: they are encrypted as one, or not at all.
    ...(keys.writing() === null ? {} : { failureConverterPath: FAILURE_CONVERTER }),
  };
}
