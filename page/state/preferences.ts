/** The choices of the person who looks, for this browser. */
export type Language = 'en' | 'pt-BR';
export type Theme = 'auto' | 'light' | 'dark';

export interface Preferences {
  language: Language;
  theme: Theme;
  /** Whether single keys do something (WCAG 2.1.4). */
  keys: boolean;
}

const KEY = 'despachante';

export function readPreferences(): Preferences {
  const kept = readKept();
  const spoken = navigator.languages.find((language) => /^(en|pt)\b/i.test(language)) ?? 'en';
  return {
    language: kept.language ?? (spoken.toLowerCase().startsWith('pt') ? 'pt-BR' : 'en'),
    theme: kept.theme ?? 'auto',
    keys: kept.keys ?? true,
  };
}

export function keepPreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Without storage they hold until the page is closed.
  }
}

/** Others may write there, too: only what we know is taken. */
function readKept(): Partial<Preferences> {
  const kept = readObject();
  const { language, theme, keys } = kept;
  return {
    ...(language === 'en' || language === 'pt-BR' ? { language } : {}),
    ...(theme === 'light' || theme === 'dark' ? { theme } : {}),
    ...(typeof keys === 'boolean' ? { keys } : {}),
  };
}

function readObject(): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof kept === 'object' && kept !== null ? { ...kept } : {};
  } catch {
    return {};
  }
}
