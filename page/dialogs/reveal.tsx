/** The message itself: as text, for a minute, and never as HTML. */
import { useEffect, useState } from 'preact/hooks';
import type { Revealed } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Modal } from '../parts/modal.tsx';
import { closeDialog, useAct } from './act.ts';
import { Form } from './form.tsx';

const SHOWN_S = 60;

export function Reveal({ flow, record }: { flow: string; record: string }) {
  const words = useWords();
  const act = useAct();
  const [message, setMessage] = useState<Revealed | null>(null);
  if (message !== null) return <Shown message={message} />;
  return (
    <Form
      title={words.dialogs.reveal.title}
      go={words.dialogs.reveal.go}
      act={act}
      onSend={(reason) => void act.send('reveal', { flow, record, reason }, { keep: setMessage })}
    >
      <p>{words.dialogs.reveal.hint}</p>
    </Form>
  );
}

function Shown({ message }: { message: Revealed }) {
  const words = useWords();
  const { number } = useFormats();
  const [left, setLeft] = useState(SHOWN_S);
  useEffect(() => {
    const until = performance.now() + SHOWN_S * 1_000;
    const timer = setInterval(() => {
      const seconds = Math.ceil((until - performance.now()) / 1_000);
      if (seconds <= 0) closeDialog();
      else setLeft(seconds);
    }, 1_000);
    return () => clearInterval(timer);
  }, []);
  const { reveal } = words.dialogs;
  return (
    <Modal title={reveal.title} onClose={closeDialog}>
      <p class="muted">
        {reveal.bytes(number(message.bytes), message.contentType ?? words.none)} ·{' '}
        {reveal.gone(left)}
      </p>
      {message.headers.length > 0 && <p class="muted mono">{message.headers.join(', ')}</p>}
      {message.text === null ? <p>{reveal.binary}</p> : <pre tabIndex={0}>{message.text}</pre>}
      {message.isCut && <p>{reveal.cut}</p>}
      <div class="ends">
        <button data-focus onClick={closeDialog}>
          {words.close}
        </button>
      </div>
    </Modal>
  );
}
