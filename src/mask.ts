// Keeps secrets out of everything a person, a log or an error message shows.

const SECRET_PARAMETER =
  /([?&][^=&#]*(?:pass|secret|token|key|credential|properties)[^=&#]*=)[^&#]*/gi;

/**
 * The address with its credentials replaced by `***`. Works on text that is no valid URL as well: a password with
 * an unescaped `/`, `#` or `@` is the very reason why a URL is refused, so everything up to the last `@` goes.
 */
export function maskUrl(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? '';
  const at = url.lastIndexOf('@');
  const shown = at < scheme.length ? url : `${scheme}***${url.slice(at)}`;
  return shown.replace(SECRET_PARAMETER, '$1***');
}
