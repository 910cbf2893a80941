import type { ComponentChildren } from 'preact';

interface FieldProps {
  id: string;
  label: string;
  hint?: string | undefined;
  children: ComponentChildren;
}

export const Field = ({ id, label, hint, children }: FieldProps) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    {hint !== undefined && (
      <small id={`${id}-hint`} class="hint">
        {hint}
      </small>
    )}
  </div>
);

interface TextProps {
  id: string;
  label: string;
  hint?: string;
  value: string;
  onText: (text: string) => void;
  isRequired?: boolean;
  isNumber?: boolean;
  isMono?: boolean;
}

export const TextField = ({
  id,
  label,
  hint,
  value,
  onText,
  isRequired,
  isNumber,
  isMono,
}: TextProps) => (
  <Field id={id} label={label} hint={hint}>
    <input
      id={id}
      class={isMono === true ? 'mono' : undefined}
      value={value}
      required={isRequired === true}
      inputMode={isNumber === true ? 'decimal' : 'text'}
      autocomplete="off"
      spellcheck={false}
      maxLength={1_000}
      aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      onInput={(event) => onText(event.currentTarget.value)}
    />
  </Field>
);
