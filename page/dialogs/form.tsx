/** The frame of each dialog that changes something: why it is done, and Cancel, where the focus begins. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useWords } from '../words/words.ts';
import { Modal } from '../parts/modal.tsx';
import { TextField } from '../parts/field.tsx';
import { closeDialog, isRefusal, type Act } from './act.ts';

interface FormProps {
  title: string;
  /** On the button. */
  go: string;
  isDangerous?: boolean;
  isReady?: boolean;
  act: Act;
  onSend: (reason: string) => void;
  children?: ComponentChildren;
}

export function Form({
  title,
  go,
  isDangerous = false,
  isReady = true,
  act,
  onSend,
  children,
}: FormProps) {
  const words = useWords();
  const [reason, setReason] = useState('');
  const { problem } = act;
  return (
    <Modal title={title} onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && reason.trim() !== '') onSend(reason.trim());
        }}
      >
        {children}
        <TextField
          id="reason"
          label={words.dialogs.reason}
          hint={words.dialogs.reasonHint}
          value={reason}
          onText={setReason}
          isRequired
        />
        {problem !== null && (
          <div class="problem" role="alert">
            <strong>{isRefusal(problem) ? words.dialogs.failed : words.dialogs.unsure}</strong>{' '}
            {problem.status === 0 ? words.dialogs.unreachable : problem.detail}
            {(problem.errors ?? []).map(({ pointer, detail }) => (
              <p key={pointer}>
                <code>{pointer}</code> {detail}
              </p>
            ))}
          </div>
        )}
        <div class="ends">
          <button type="button" data-focus onClick={closeDialog}>
            {words.cancel}
          </button>
          <button
            type="submit"
            class={isDangerous ? 'danger' : 'primary'}
            disabled={act.isBusy || !isReady}
            aria-busy={act.isBusy}
          >
            {go}
          </button>
        </div>
      </form>
    </Modal>
  );
}
