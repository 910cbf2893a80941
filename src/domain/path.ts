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
