// GET /registrations?externalId=<registration id>: the registrations that were accepted under it, oldest first.
import type { Script } from './behaviour.ts';
import type { CoreClient } from './core-client.ts';
import { sendJson } from './http.ts';
import type { Handler } from './submit.ts';

export function createLookUp({ script, client }: { script: Script; client: CoreClient }): Handler {
  return async (request, response) => {
    const burst = script.burstStatus(Date.now());
    if (burst !== null) return sendJson(response, burst, { error: 'out of order' });
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    const externalId = searchParams.get('externalId') ?? '';
    const answer = await client.ask(['LOCALIZAR', externalId]);
    if (answer.kind === 'down') return sendJson(response, 503, { error: 'the core is down' });
    const [verdict, ...requestIds] = answer.fields;
    if (verdict !== 'OK') return sendJson(response, 500, { error: answer.fields.join(' ') });
    sendJson(
      response,
      200,
      requestIds.map((id) => ({ id, externalId })),
    );
  };
}
