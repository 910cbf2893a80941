/** A word on what is in doubt. Several at once can only be given up. */
import { useState } from 'preact/hooks';
import { change } from '../state/store.ts';
import type { Decisions, Doubt } from '../state/types.ts';
import { useWords } from '../words/words.ts';
import { TextField } from '../parts/field.tsx';
import { useAct } from './act.ts';
import { Form } from './form.tsx';

const DECISIONS = ['confirm', 'resubmit', 'abandon'] as const;
type Decision = (typeof DECISIONS)[number];

export function Decide({ doubts }: { doubts: Doubt[] }) {
  const words = useWords().dialogs.decide;
  const act = useAct();
  const isOne = doubts.length === 1;
  const [decision, setDecision] = useState<Decision | null>(isOne ? null : 'abandon');
  const [requestId, setRequestId] = useState('');
  const [undone, setUndone] = useState<string[]>([]);
  const tell = ({ decided }: Decisions): void => {
    const left = decided.filter(({ isDone }) => !isDone);
    setUndone(left.map(({ text }) => text));
    if (left.length === 0)
      change({ dialog: null, said: decided.map(({ text }) => text).join('\n') });
  };
  const hints = {
    confirm: words.confirmHint,
    resubmit: words.resubmitHint,
    abandon: words.abandonHint,
  };
  return (
    <Form
      title={isOne ? words.title : words.titleMany(doubts.length)}
      go={words.go[decision ?? 'confirm']}
      isDangerous={decision === 'abandon'}
      isReady={decision !== null && (decision !== 'confirm' || requestId.trim() !== '')}
      act={act}
      onSend={(reason) =>
        void act.send(
          'decide',
          {
            decision,
            doubts: doubts.map(({ id, generation, submission }) => ({
              id,
              generation,
              submission,
            })),
            requestId: decision === 'confirm' ? requestId.trim() : null,
            reason,
          },
          { keep: tell },
        )
      }
    >
      <ul class="about-many">
        {doubts.map(({ id, reason }) => (
          <li key={id}>
            <bdi class="mono">{id}</bdi> <bdi class="muted">{reason}</bdi>
          </li>
        ))}
      </ul>
      {isOne && (
        <fieldset class="choices">
          <legend>{words.question}</legend>
          {DECISIONS.map((each) => (
            <label key={each} data-chosen={decision === each}>
              <input
                type="radio"
                name="decision"
                value={each}
                checked={decision === each}
                onChange={() => setDecision(each)}
              />
              <span>
                <strong>{words[each]}</strong>
                <small>{hints[each]}</small>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      {decision === 'confirm' && (
        <TextField
          id="request-id"
          label={words.requestId}
          value={requestId}
          onText={setRequestId}
          isRequired
          isMono
        />
      )}
      {undone.length > 0 && (
        <div class="problem" role="alert">
          {undone.map((text) => (
            <p key={text}>{text}</p>
          ))}
        </div>
      )}
    </Form>
  );
}
