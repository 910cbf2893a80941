/** A count with its word, as the language has it. */
const rules = new Map<string, Intl.PluralRules>();
const numbers = new Map<string, Intl.NumberFormat>();

export function countOf(language: string, count: number, one: string, other: string): string {
  const rule = rules.get(language) ?? new Intl.PluralRules(language);
  rules.set(language, rule);
  const number = numbers.get(language) ?? new Intl.NumberFormat(language);
  numbers.set(language, number);
  // Portuguese has a third form, for millions: the word is the same.
  return `${number.format(count)} ${rule.select(count) === 'one' ? one : other}`;
}
