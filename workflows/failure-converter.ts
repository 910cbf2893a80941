/**
 * Puts the message and the stack of a failure into a payload, which the codec then encrypts. Only where payloads are
 * encrypted: elsewhere they stay readable in Temporal Web (src/temporal/bundle-workflows.ts, src/temporal/data-converter.ts).
 */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
