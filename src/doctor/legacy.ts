/** Does anybody answer for the legacy system? It is asked for a request that cannot exist; nothing is filed. */
import type { Config } from '../config/schema.ts';
import { heardOfGet, remedyFor } from '../domain/registrations/statuses.ts';
import type { Answer } from '../net/exchange.ts';
import { createLegacy, type Legacy } from '../registrations/legacy.ts';
import { unwell, warning, well, why, type Diagnosis } from './diagnosis.ts';
import { tlsTrouble } from '../net/tls.ts';

/** Harmless in a path, and no id that anybody would give. */
const NOBODY = 'despachante-doctor';

/** Never throws. */
export const diagnoseLegacy = async (config: Config): Promise<Diagnosis[]> => [
  await reached(config),
  ...uncompared(config),
];

async function reached(config: Config): Promise<Diagnosis> {
  const { legacyUrl, legacy } = config;
  const address = legacyUrl + legacy.poll.path.replace('{id}', NOBODY);
  const startedAt = performance.now();
  let asked: Legacy | null = null;
  try {
    const answers: Answer[] = [];
    asked = createLegacy(config, { trace: ({ answer }) => answers.push(answer) });
    await asked.status(NOBODY);
    const took = Math.round(performance.now() - startedAt);
    const [answer] = answers;
    // How it began is enough: one that is too long is an answer.
    const head = answer?.kind === 'answer' ? answer : answer?.head;
    if (head === undefined || head === null)
      throw new Error(answer?.kind === 'none' ? answer.reason : '');
    const { method } = legacy.poll;
    return answered(head.status, `${method} ${address} was answered ${head.status} in ${took} ms`);
  } catch (error) {
    const remedy = `Set LEGACY_URL to where it is (it says ${legacyUrl}), or start the simulated one: despachante simulate`;
    const trouble = tlsTrouble(error, 'legacy');
    return unwell('reachable', `GET ${address}: ${why(error)}`, trouble ?? remedy);
  } finally {
    await asked?.close();
  }
}

function answered(status: number, detail: string): Diagnosis {
  const bad = (remedy: string) => unwell('reachable', detail, remedy);
  if (status === 401 || status === 403) return bad('Set LEGACY_AUTHORIZATION to what it wants');
  if (heardOfGet(status, true) === 'misconfigured')
    return bad(`The address or a proxy turns us away: ${remedyFor(status)}`);
  if (status >= 300 && status < 400)
    return bad('Set LEGACY_URL to where it sends us: redirects are never followed');
  const remedy = 'See whether the system behind it is up: registrations wait until it is';
  return status >= 500 ? warning('reachable', detail, remedy) : well('reachable', detail);
}

/** A page for people who are not logged in may be JSON, too. */
function uncompared({ legacy: { poll } }: Config): Diagnosis[] {
  const leads = Object.entries(poll.statuses).flatMap(([status, meaning]) =>
    meaning === 'result' && /^3(03|xx)$/.test(status) ? [status] : [],
  );
  if (leads.length === 0 || poll.words.processing.includes(null)) return [];
  return [
    warning(
      'result',
      `HTTP ${leads.join(' and ')} to any JSON object that names no other request means done`,
      'Where a result always has a certain field, name it: see "202 and a Location" in docs/how-to/connect.md',
    ),
  ];
}
