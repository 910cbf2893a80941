/** Dialogs that ask for nothing but a reason. */
import { useWords } from '../words/words.ts';
import { useAct } from './act.ts';
import { Form } from './form.tsx';

export function Pause({ flow }: { flow: string | null }) {
  const words = useWords();
  const act = useAct();
  return (
    <Form
      title={words.dialogs.pause.title(flow ?? words.holds.everything)}
      go={words.dialogs.pause.go}
      act={act}
      onSend={(reason) => void act.send('pause', { flow, reason })}
    >
      <p>{words.dialogs.pause.hint}</p>
    </Form>
  );
}

export function Resume({ flow }: { flow: string | null }) {
  const words = useWords();
  const act = useAct();
  return (
    <Form
      title={words.dialogs.resume.title(flow ?? words.holds.everything)}
      go={words.dialogs.resume.go}
      act={act}
      onSend={(reason) => void act.send('resume', { flow, reason })}
    />
  );
}

export function AuditNow({ flow }: { flow: string }) {
  const words = useWords().dialogs.audit;
  const act = useAct();
  return (
    <Form
      title={words.title}
      go={words.go}
      act={act}
      onSend={(reason) => void act.send('audit', { flow, reason })}
    >
      <p>{words.cost}</p>
    </Form>
  );
}

export function StopRedrive({ flow }: { flow: string }) {
  const words = useWords().dialogs.stop;
  const act = useAct();
  return (
    <Form
      title={words.title}
      go={words.go}
      act={act}
      onSend={(reason) => void act.send('stopRedrive', { flow, reason })}
    >
      <p>{words.hint}</p>
    </Form>
  );
}
