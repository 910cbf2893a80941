/** The dictionary and the formats of the language that was chosen. */
import { useStore } from '../state/store.ts';
import type { Language } from '../state/preferences.ts';
import { en, type Words } from './en.ts';
import { formatsOf, type Formats } from './format.ts';
import { ptBR } from './pt-br.ts';

const DICTIONARIES: Readonly<Record<Language, Words>> = { en, 'pt-BR': ptBR };
const formats: Partial<Record<Language, Formats>> = {};

export const useWords = (): Words =>
  DICTIONARIES[useStore(({ preferences }) => preferences.language)];

export function useFormats(): Formats {
  const language = useStore(({ preferences }) => preferences.language);
  return (formats[language] ??= formatsOf(language));
}
