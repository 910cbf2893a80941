/** The template with the id in it; null for an id that would lead elsewhere, or that no address can hold. */
export function pathWith(template: string, id: string): string | null {
  const [path = ''] = template.split('?');
  if (path.includes('{id}') && leadsElsewhere(id)) return null;
  try {
    return template.replace('{id}', () => encodeURIComponent(id));
  } catch {
    return null; // half of a surrogate pair
  }
}

/** The id in a path that was made so; null where that path is another. */
export function idIn(template: string, path: string): string | null {
  const [step = ''] = template.split('?');
  const isStep = step.includes('{id}');
  const [before = '', after = ''] = (isStep ? step : template).split('{id}');
  const text = isStep ? (path.split('?')[0] ?? '') : path;
  const id = text.slice(before.length, text.length - after.length);
  if (text !== before + id + after || /[/?&]/.test(id)) return null;
  try {
    return decodeURIComponent(id);
  } catch {
    return null;
  }
}

/** Path and query of where a `Location` leads to, or why nobody is to go there, for people. */
export type Led = { path: string } | { path: null; fault: string };

/** Another origin is refused, and a walk by dots. */
export function pathOfLocation(location: string, from: string): Led {
  const not = (fault: string): Led => ({ path: null, fault: `Location ${fault}` });
  if (location === '' || !URL.canParse(location, from)) return not('is no address');
  const url = new URL(location, from);
  const { origin } = new URL(from);
  if (url.origin !== origin) return not(`leads to another origin than LEGACY_URL (${origin})`);
  if (url.username + url.password !== '') return not('has a user in it');
  const [written = ''] = location.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/);
  return written.replaceAll('/', '') === '' || !leadsElsewhere(written)
    ? { path: url.pathname + url.search }
    : not('walks by dots');
}

/** Whether a path and query ask for nothing else than another did. @param isSentQuery what every request has */
export function isSamePath(
  path: string,
  asked: string,
  isSentQuery: (name: string) => boolean,
): boolean {
  const [one, other] = [new URL(path, 'http://localhost'), new URL(asked, 'http://localhost')];
  const bare = ({ pathname }: URL): string => pathname.replace(/\/+$/, '');
  return (
    bare(one) === bare(other) &&
    [...one.searchParams].every(
      ([name, value]) => isSentQuery(name) || other.searchParams.get(name) === value,
    )
  );
}

/** Whether the id is percent-encoded in the path, which servers read differently. */
export const isEncodedInPath = (template: string, id: string): boolean =>
  (template.split('?')[0] ?? '').includes('{id}') && encodeURIComponent(id) !== id;

/**
 * Clients, proxies and servers walk by `.` and `..`, also where they are percent-encoded (more than once), between backslashes,
 * or beside blanks and path parameters. An empty step leads to the collection.
 */
function leadsElsewhere(id: string): boolean {
  const steps = decoded(id)
    .replaceAll(/[\t\r\n]/g, '')
    .split(/[/\\]/);
  return id.trim() === '' || steps.some((step) => /^\s*\.{1,2}\s*(;.*)?$/s.test(step));
}

function decoded(text: string): string {
  const once = text.replaceAll(/%(25|2e|2f|5c|3b|20|09|0a|0d)/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return once === text ? text : decoded(once);
}
