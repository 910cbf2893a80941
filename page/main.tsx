/** The operations page: it begins here. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { followAddress } from './state/go.ts';
import { listenToKeys } from './state/keys.ts';
import { begin, followLinks, signIn } from './state/session.ts';
import { change, useStore } from './state/store.ts';
import { useWords } from './words/words.ts';
import { Dialogs } from './dialogs/dialogs.tsx';
import { TextField } from './parts/field.tsx';
import { Actions } from './sections/actions.tsx';
import { Audits } from './sections/audits.tsx';
import { Doubts } from './sections/doubts.tsx';
import { Failures } from './sections/failures.tsx';
import { Flows } from './sections/flows.tsx';
import { Header } from './sections/header.tsx';
import { LimitsSection } from './sections/limits.tsx';
import { Operations } from './sections/operations.tsx';
import { Processes } from './sections/processes.tsx';
import { Tiles } from './sections/tiles.tsx';
import { Timeline } from './sections/timeline.tsx';
import { Holds, Verdict } from './sections/verdict.tsx';

const SAID_MS = 8_000;

function Page() {
  const signedIn = useStore((state) => state.signedIn);
  const { language, theme } = useStore((state) => state.preferences);
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset['theme'] = theme;
  }, [language, theme]);
  return (
    <>
      <Header />
      {signedIn === null ? null : signedIn ? <Screen /> : <SignIn />}
      <Dialogs />
      <Said />
    </>
  );
}

function Screen() {
  return (
    <>
      <main>
        <Verdict />
        <Holds />
        <Tiles />
        <div class="columns">
          <div>
            <Operations />
            <Failures />
            <Flows />
            <Actions />
          </div>
          <div>
            <Doubts />
            <Processes />
            <LimitsSection />
            <Audits />
          </div>
        </div>
      </main>
      <Timeline />
    </>
  );
}

function SignIn() {
  const words = useWords().signIn;
  const fault = useStore((state) => state.signInFault);
  const [token, setToken] = useState(useStore((state) => state.signInToken));
  const [name, setName] = useState('');
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(token, name);
        }}
      >
        <h1>{words.title}</h1>
        <p>{words.how}</p>
        <TextField
          id="token"
          label={words.token}
          value={token}
          onText={setToken}
          isRequired
          isMono
        />
        <TextField
          id="name"
          label={words.name}
          hint={words.nameHint}
          value={name}
          onText={setName}
        />
        {fault !== null && (
          <p class="problem" role="alert">
            {fault}
          </p>
        )}
        <div class="ends">
          <button class="primary" type="submit">
            {words.go}
          </button>
        </div>
      </form>
    </main>
  );
}

/** Tells the last action for a while, and has it read out. */
function Said() {
  const said = useStore((state) => state.said);
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => change({ said: '' }), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div class="said-last" role="status">
      {said !== '' && <p>{said}</p>}
    </div>
  );
}

const root = document.getElementById('page');
if (root !== null) {
  followLinks();
  followAddress();
  listenToKeys();
  render(<Page />, root);
  void begin();
}
