// Kinds of legacy systems, as a user would describe them: what the file says of `legacy` is laid over one of these.
import type { Preset } from '../domain/registrations/contract.ts';
import { isMapping, valueAt } from './tree.ts';

const DESCRIBED: ReadonlyMap<unknown, object> = new Map(
  Object.entries({
    // The defaults of the schema: 201 {"id": …}, then 200 {"id": …, "status": "processing" | "done" | "failed", "reason": …}.
    'json-status': {},
    // 202 and Location, which answers 200 or 202 while it runs, and leads to the result when that is there.
    'location-202': {
      submit: { requestIdHeader: 'Location' },
      // 302 leads to a login, too.
      poll: { statuses: { '200': 'processing', '202': 'processing', '303': 'result' } },
    },
    // 200 {"success": false, "reason": …} where it refuses; the rest as json-status.
    'error-in-200': {
      submit: { state: '/success', words: { accepted: [true], refused: [false] } },
    },
  } satisfies Record<Preset, object>),
);

/** The section `legacy` laid over the preset that it names. */
export const withPreset = (section: unknown, name: unknown): unknown =>
  over(DESCRIBED.get(name) ?? {}, section);

/** Whether the preset of this name says something of a setting of `legacy`. */
export const isOfPreset = (path: string, name: Preset): boolean =>
  valueAt({ legacy: DESCRIBED.get(name) }, path.split('.')) !== undefined;

function over(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (!isMapping(below) || !isMapping(above)) return above;
  const keys = [...Object.keys(below), ...Object.keys(above)].filter(
    // A hundred of statuses in the file wins over each of them in the preset.
    (key) => key in above || !(/^\d{3}$/.test(key) && `${key[0]}xx` in above),
  );
  return Object.fromEntries([...new Set(keys)].map((key) => [key, over(below[key], above[key])]));
}
