/** The dialog that is open, if any. */
import { useStore } from '../state/store.ts';
import { useWords } from '../words/words.ts';
import { Modal } from '../parts/modal.tsx';
import { prefer } from '../sections/header.tsx';
import { closeDialog } from './act.ts';
import { Decide } from './decide.tsx';
import { Drop, Redrive } from './failures.tsx';
import { Limits } from './limits.tsx';
import { Reveal } from './reveal.tsx';
import { AuditNow, Pause, Resume, StopRedrive } from './simple.tsx';

export function Dialogs() {
  const dialog = useStore((state) => state.dialog);
  switch (dialog?.kind) {
    case undefined:
      return null;
    case 'redrive':
      return <Redrive choice={dialog.choice} title={dialog.title} />;
    case 'drop':
      return <Drop choice={dialog.choice} title={dialog.title} />;
    case 'decide':
      return <Decide doubts={dialog.doubts} />;
    case 'pause':
      return <Pause flow={dialog.flow} />;
    case 'resume':
      return <Resume flow={dialog.flow} />;
    case 'limits':
      return <Limits />;
    case 'audit':
      return <AuditNow flow={dialog.flow} />;
    case 'stop':
      return <StopRedrive flow={dialog.flow} />;
    case 'reveal':
      return <Reveal flow={dialog.flow} record={dialog.record} />;
    case 'help':
      return <Help />;
  }
}

function Help() {
  const words = useWords();
  const { help } = words.dialogs;
  const keys = useStore(({ preferences }) => preferences.keys);
  return (
    <Modal title={help.title} onClose={closeDialog}>
      <dl class="keys">
        {help.list.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key?.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={keys}
          onChange={({ currentTarget: { checked } }) => prefer({ keys: checked })}
        />
        {help.keys}
      </label>
      <div class="ends">
        <button data-focus onClick={closeDialog}>
          {words.close}
        </button>
      </div>
    </Modal>
  );
}
