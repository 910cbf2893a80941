import { useState } from 'preact/hooks';
import { useStore } from '../state/store.ts';
import { useFormats, useWords } from '../words/words.ts';
import { Field } from '../parts/field.tsx';
import { closeDialog, useAct } from './act.ts';
import { Form } from './form.tsx';

interface Wish {
  text: string;
  isAsConfigured: boolean;
}

export function Limits() {
  const words = useWords();
  const { number, read, written } = useFormats();
  const valueOf = (text: string): number | null => (text.trim() === '' ? null : read(text));
  const act = useAct();
  const tile = useStore(({ views }) => views.limits?.limits);
  const known = tile === undefined || tile.state === 'unknown' ? null : tile.value;
  // As they were when it was opened: somebody else's change in between is told by the server.
  const [before] = useState(known);
  const [wishes, setWishes] = useState<Record<string, Wish>>(() =>
    Object.fromEntries(
      (known?.limits ?? []).map(({ limit, inForce, isSet }) => [
        limit,
        { text: written(inForce), isAsConfigured: !isSet },
      ]),
    ),
  );
  if (before === null) {
    closeDialog();
    return null;
  }
  const wishOf = (limit: string): Wish => wishes[limit] ?? { text: '', isAsConfigured: true };
  const wrong = before.limits.some(({ limit }) => {
    const { text, isAsConfigured } = wishOf(limit);
    return !isAsConfigured && text.trim() !== '' && !(read(text) > 0);
  });
  const changed = before.limits.filter(({ limit, inForce, isSet }) => {
    const { text, isAsConfigured } = wishOf(limit);
    if (isAsConfigured) return isSet;
    return !isSet || valueOf(text) !== inForce;
  });
  const send = (reason: string): void => {
    const isUnset = (limit: string): boolean => wishOf(limit).isAsConfigured;
    void act.send(
      'setLimits',
      {
        values: Object.fromEntries(
          changed.flatMap(({ limit }) =>
            isUnset(limit) ? [] : [[limit, valueOf(wishOf(limit).text)]],
          ),
        ),
        unset: changed.flatMap(({ limit }) => (isUnset(limit) ? [limit] : [])),
        reason,
      },
      { ifMatch: before.version },
    );
  };
  return (
    <Form
      title={words.dialogs.limits.title}
      go={words.dialogs.limits.go}
      act={act}
      isReady={!wrong && changed.length > 0}
      onSend={send}
    >
      <p>
        {words.dialogs.limits.hint} {words.dialogs.limits.empty}.
      </p>
      <div class="limits">
        {before.limits.map(({ limit, configured }) => {
          const { text, isAsConfigured } = wishOf(limit);
          const set = (part: Partial<Wish>): void =>
            setWishes({ ...wishes, [limit]: { ...wishOf(limit), ...part } });
          return (
            <Field key={limit} id={`limit-${limit}`} label={words.limits.names[limit]}>
              <input
                id={`limit-${limit}`}
                inputMode="decimal"
                autocomplete="off"
                value={isAsConfigured ? written(configured) : text}
                onInput={({ currentTarget: { value } }) =>
                  set({ text: value, isAsConfigured: false })
                }
              />
              <label class="check">
                <input
                  type="checkbox"
                  checked={isAsConfigured}
                  onChange={({ currentTarget: { checked } }) => set({ isAsConfigured: checked })}
                />
                {words.dialogs.limits.unset} (
                {configured === null ? words.limits.no : number(configured)})
              </label>
            </Field>
          );
        })}
      </div>
    </Form>
  );
}
