/** A dialog of the browser's own: it keeps the focus, and gives it back. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface ModalProps {
  title: string;
  /** A panel at the side instead of a box in the middle. */
  isSheet?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Modal({ title, isSheet = false, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next key: it belongs to the dialog, and `before` is what opened it.
  useLayoutEffect(() => {
    const open = dialog.current;
    const before = document.activeElement;
    open?.showModal();
    open?.querySelector<HTMLElement>('[data-focus]')?.focus();
    return () => {
      open?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={isSheet ? 'sheet' : 'box'}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="inside">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
