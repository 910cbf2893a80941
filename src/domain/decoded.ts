/** Percent-decoded; as it is where it is not well percent-encoded, as a lone % in a password. */
export function decodedOrBare(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
