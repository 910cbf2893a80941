/** Dialogs that ask for nothing but a reason. */
import type { RouteName } from '../../src/page/routes.ts';
import { useWords } from '../words/words.ts';
import { useAct } from './act.ts';
import { Form } from './form.tsx';

interface AskProps {
  title: string;
  go: string;
  /** What it means. */
  hint?: string;
  route: RouteName;
  flow: string | null;
}

function Ask({ title, go, hint, route, flow }: AskProps) {
  const act = useAct();
  return (
    <Form
      title={title}
      go={go}
      act={act}
      onSend={(reason) => void act.send(route, { flow, reason })}
    >
      {hint !== undefined && <p>{hint}</p>}
    </Form>
  );
}

export function Pause({ flow }: { flow: string | null }) {
  const { dialogs, holds } = useWords();
  const { title, go, hint } = dialogs.pause;
  return <Ask title={title(flow ?? holds.everything)} {...{ go, hint, flow }} route="pause" />;
}

export function Resume({ flow }: { flow: string | null }) {
  const { dialogs, holds } = useWords();
  const { title, go } = dialogs.resume;
  return <Ask title={title(flow ?? holds.everything)} {...{ go, flow }} route="resume" />;
}

export function AuditNow({ flow }: { flow: string }) {
  const { title, go, cost } = useWords().dialogs.audit;
  return <Ask {...{ title, go, flow }} hint={cost} route="audit" />;
}

export function StopRedrive({ flow }: { flow: string }) {
  const { title, go, hint } = useWords().dialogs.stop;
  return <Ask {...{ title, go, hint, flow }} route="stopRedrive" />;
}
