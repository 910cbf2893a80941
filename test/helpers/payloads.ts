/** What Temporal has of a run: as it lies there, and as somebody who has the keys sees it. */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { decode } from '@temporalio/common/lib/internal-non-workflow/index.js';

/** Every text and every byte of a protobuf message, joined. */
export function rawText(message: unknown): string {
  const parts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') parts.push(value);
    else if (value instanceof Uint8Array) parts.push(Buffer.from(value).toString('latin1'));
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, below] of Object.entries(value)) {
        parts.push(key);
        walk(below);
      }
    }
  };
  walk(message);
  return parts.join('\n');
}

/** The whole history of the latest run under an id, and what is told of it without, not decrypted. */
export async function keptOf(client: Client, workflowId: string): Promise<string> {
  const { namespace } = client.options;
  const execution = { workflowId };
  const described = await client.workflowService.describeWorkflowExecution({
    namespace,
    execution,
  });
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  return `${rawText(described)}\n${rawText(history)}`;
}

/** The texts of payloads, decrypted. */
export async function textsOf(
  client: Client,
  payloads: (Payload | null | undefined)[],
): Promise<string> {
  const { payloadCodecs } = client.options.loadedDataConverter;
  const there = payloads.filter((payload) => payload !== null && payload !== undefined);
  const decoded = await decode(payloadCodecs, there);
  return decoded.map(({ data }) => Buffer.from(data ?? []).toString()).join('\n');
}
