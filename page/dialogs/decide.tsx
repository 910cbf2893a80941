/** A word on what is in doubt. Several at once can only be given up. */
import { useState } from 'preact/hooks';
import type { Doubt } from '../state/types.ts';
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
        void act.send('decide', {
          decision,
          ids: doubts.map(({ id }) => id),
          requestId: decision === 'confirm' ? requestId.trim() : null,
          reason,
        })
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
    </Form>
  );
}
