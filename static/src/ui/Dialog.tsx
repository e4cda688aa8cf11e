import { useEffect, useId, useRef, type MouseEvent, type ReactNode } from "react";

import { useT } from "../i18n/index.ts";
import { CloseIcon } from "./icons.tsx";

interface Props {
  title: string;
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

/** A window in front of the call: the browser keeps the focus in it and closes it on Escape. */
export function Dialog({ title, testId, onClose, children }: Props) {
  const t = useT();
  const id = useId();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  const onPress = (event: MouseEvent) => {
    // Of the dialog itself only its backdrop can be pressed: what is in it covers it.
    if (event.target === ref.current) onClose();
  };
  return (
    <dialog ref={ref} className="dialog" data-testid={testId} aria-labelledby={id} onClose={onClose} onClick={onPress}>
      <div className="dialog-body">
        <header className="dialog-header">
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" data-testid="dialog-close" aria-label={t.close} onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
