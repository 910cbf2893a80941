import type { Config } from '../config/schema.ts';

/** Its page in Temporal Web; null where nobody has said where that is. */
export const runLink = ({ temporal }: Config, workflowId: string): string | null =>
  temporal.webUrl === null
    ? null
    : `${temporal.webUrl}/namespaces/${encodeURIComponent(temporal.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
