/** What to do with many failures at once: counted first, by the server, which does it only if the count still holds. */
import { useEffect, useState } from 'preact/hooks';
import { post, type Answer } from '../state/api.ts';
import type { Choice, Counted } from '../state/types.ts';
import { useFormats, useWords } from '../words/words.ts';
import { TextField } from '../parts/field.tsx';
import { useAct } from './act.ts';
import { Form } from './form.tsx';

interface Props {
  choice: Choice;
  title: string;
}

const CANARY = 10;
/** A slip of the hand on more than these is worth typing a number. */
const TYPED = 100;

/** Both are null until it is counted; `count` also where that failed. */
function useCount(choice: Choice, again: unknown) {
  const [counted, setCounted] = useState<Answer<Counted> | null>(null);
  useEffect(() => {
    let isOpen = true;
    void post<Counted>('count', choice).then((answer) => {
      if (isOpen) setCounted(answer);
    });
    return () => {
      isOpen = false;
    };
  }, [again]);
  return { counted, count: counted?.ok === true ? counted.value.selected : null };
}

export function Redrive({ choice, title }: Props) {
  const words = useWords().dialogs.redrive;
  const { read } = useFormats();
  const act = useAct();
  const { counted, count } = useCount(choice, act.problem);
  const [canary, setCanary] = useState<string | null>(null);
  const [rate, setRate] = useState('');
  const first = canary ?? (count !== null && count > CANARY ? String(CANARY) : '0');
  const numbers = { canary: read(first), rate: rate.trim() === '' ? null : read(rate) };
  const isReady =
    count !== null &&
    count > 0 &&
    numbers.canary >= 0 &&
    (numbers.rate === null || numbers.rate > 0);
  return (
    <Form
      title={words.title}
      go={words.go}
      act={act}
      isReady={isReady}
      onSend={(reason) =>
        void act.send('redrive', {
          ...choice,
          expectedCount: count,
          canary: numbers.canary === 0 ? null : numbers.canary,
          perSecond: numbers.rate,
          reason,
        })
      }
    >
      <p class="about">{title}</p>
      <Count counted={counted} say={words.count} />
      <div class="two">
        <TextField
          id="canary"
          label={words.canary}
          hint={words.canaryHint}
          value={first}
          onText={setCanary}
          isNumber
        />
        <TextField
          id="rate"
          label={words.rate}
          hint={words.rateHint}
          value={rate}
          onText={setRate}
          isNumber
        />
      </div>
    </Form>
  );
}

export function Drop({ choice, title }: Props) {
  const words = useWords().dialogs.drop;
  const { read } = useFormats();
  const act = useAct();
  const { counted, count } = useCount(choice, act.problem);
  const [typed, setTyped] = useState('');
  const isTyped = count !== null && (count <= TYPED || read(typed) === count);
  return (
    <Form
      title={words.title}
      go={words.go}
      isDangerous
      act={act}
      isReady={count !== null && count > 0 && isTyped}
      onSend={(reason) => void act.send('drop', { ...choice, expectedCount: count, reason })}
    >
      <p class="about">{title}</p>
      <Count counted={counted} say={words.count} />
      {count !== null && count > TYPED && (
        <TextField id="typed" label={words.type(count)} value={typed} onText={setTyped} isNumber />
      )}
    </Form>
  );
}

function Count({
  counted,
  say,
}: {
  counted: Answer<Counted> | null;
  say: (count: number) => string;
}) {
  const words = useWords().dialogs;
  const { number } = useFormats();
  if (counted === null) return <p class="count">{words.redrive.counting}</p>;
  if (!counted.ok)
    return (
      <p class="problem" role="alert">
        {counted.problem.detail}
      </p>
    );
  const { selected, byClass } = counted.value;
  const classes = Object.entries(byClass);
  return (
    <p class="count" role="status">
      <strong>{selected === 0 ? words.redrive.nothing : say(selected)}</strong>
      {classes.length > 1 && (
        <span>
          {' '}
          {words.redrive.byClass(
            classes.map(([kind, count]) => `${number(count)} ${kind}`).join(', '),
          )}
        </span>
      )}
    </p>
  );
}
