/** Where one is, who one is, and how fresh all this is. */
import { useState } from 'preact/hooks';
import { useSeconds } from '../state/clock.ts';
import { go } from '../state/go.ts';
import { keepPreferences, type Preferences } from '../state/preferences.ts';
import { change, now, useStore } from '../state/store.ts';
import { useFormats, useWords } from '../words/words.ts';
import { STALE_MS } from './verdict.tsx';

export const prefer = (part: Partial<Preferences>): void => {
  const preferences = { ...now().preferences, ...part };
  keepPreferences(preferences);
  change({ preferences });
};

export function Header() {
  const words = useWords();
  const me = useStore((state) => state.me);
  const { language, theme } = useStore((state) => state.preferences);
  const environment =
    useStore(({ views }) => views.overview?.environment) ?? me?.environment ?? null;
  return (
    <header class="top">
      <a class="skip" href="#failures-title" onClick={toFailures}>
        {words.skip}
      </a>
      <p class="brand" title={me?.version}>
        {words.product}
      </p>
      {environment !== null && (
        <span class="badge" data-danger={/^prod/i.test(environment)}>
          {environment}
        </span>
      )}
      {me !== null && <Search />}
      <div class="who">
        {me !== null && <Freshness />}
        {me !== null && (
          <span class="muted name" title={me.name}>
            {words.as(me.name, words.roles[me.role])}
          </span>
        )}
        <select
          aria-label={words.language}
          value={language}
          onChange={({ currentTarget: { value } }) =>
            prefer({ language: value === 'pt-BR' ? 'pt-BR' : 'en' })
          }
        >
          <option value="en">English</option>
          <option value="pt-BR">Português</option>
        </select>
        <select
          aria-label={words.theme.label}
          value={theme}
          onChange={({ currentTarget: { value } }) =>
            prefer({ theme: value === 'light' || value === 'dark' ? value : 'auto' })
          }
        >
          <option value="auto">{words.theme.auto}</option>
          <option value="light">{words.theme.light}</option>
          <option value="dark">{words.theme.dark}</option>
        </select>
        <button
          class="icon"
          aria-label={words.help}
          title={words.help}
          onClick={() => change({ dialog: { kind: 'help' } })}
        >
          ?
        </button>
      </div>
    </header>
  );
}

function toFailures(event: Event): void {
  event.preventDefault();
  document.getElementById('failures-title')?.focus();
}

function Search() {
  const words = useWords();
  const [text, setText] = useState('');
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '') go({ item: text.trim() });
      }}
    >
      <input
        id="search"
        type="search"
        aria-label={words.search.label}
        placeholder={words.search.short}
        value={text}
        maxLength={1_000}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">{words.search.key}</kbd>
    </form>
  );
}

function Freshness() {
  const words = useWords();
  const { second, age } = useFormats();
  useSeconds();
  const at = useStore(({ views }) => views.overview?.at);
  const link = useStore((state) => state.link);
  const heardAt = useStore((state) => state.heardAt);
  const silent = heardAt === null ? 0 : Date.now() - heardAt;
  const isStale = silent > STALE_MS || link.state === 'lost';
  const text =
    at === undefined ? words.link.connecting : `${words.link.asOf} ${second(new Date(at))}`;
  return (
    <span class="fresh-at" data-state={isStale ? 'stale' : link.state} title={at}>
      {isStale && silent > STALE_MS ? words.link.stale(age(silent)) : text}
    </span>
  );
}
