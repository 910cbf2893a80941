/** Does anybody answer for the legacy system? It is asked for a request that cannot exist; nothing is filed. */
import { Agent, request } from 'undici';
import type { Config } from '../config/schema.ts';
import { heardOfGet, remedyFor } from '../domain/registrations/contract.ts';
import { unwell, warning, well, why } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import { readTls, tlsTrouble } from '../net/tls.ts';

/** Harmless in a path, and no id that anybody would give. */
const NOBODY = 'despachante-doctor';

/** Never throws. */
export async function diagnoseLegacy({
  legacyUrl,
  legacyAuthorization,
  legacy,
}: Config): Promise<Diagnosis[]> {
  const address = legacyUrl + legacy.statusPath.replace('{id}', NOBODY);
  const headers = legacyAuthorization === null ? {} : { authorization: legacyAuthorization };
  const startedAt = performance.now();
  let agent: Agent | null = null;
  try {
    agent = new Agent({ connect: readTls(legacy.tls) });
    const { statusCode, body } = await request(address, {
      dispatcher: agent,
      headers: { accept: 'application/json', ...headers },
      headersTimeout: legacy.timeout,
      bodyTimeout: legacy.timeout,
      signal: AbortSignal.timeout(legacy.timeout),
    });
    await body.dump({ limit: legacy.maxResponseBytes });
    const took = Math.round(performance.now() - startedAt);
    return [answered(statusCode, `GET ${address} was answered ${statusCode} in ${took} ms`)];
  } catch (error) {
    const remedy = `Set LEGACY_URL to where it is (it says ${legacyUrl}), or start the simulated one: despachante simulate`;
    const trouble = tlsTrouble(error, 'legacy');
    return [unwell('reachable', `GET ${address}: ${why(error)}`, trouble ?? remedy)];
  } finally {
    await agent?.destroy();
  }
}

function answered(status: number, detail: string): Diagnosis {
  if (status === 401 || status === 403) {
    return unwell('reachable', detail, 'Set LEGACY_AUTHORIZATION to the header it wants');
  }
  if (heardOfGet(status, true) === 'misconfigured') {
    return unwell(
      'reachable',
      detail,
      `The address or a proxy turns us away: ${remedyFor(status)}`,
    );
  }
  if (status >= 300 && status < 400) {
    return unwell(
      'reachable',
      detail,
      'Set LEGACY_URL to where it sends us: redirects are never followed',
    );
  }
  if (status >= 500) {
    return warning(
      'reachable',
      detail,
      'See whether the system behind it is up: registrations wait until it is',
    );
  }
  return well('reachable', detail);
}
