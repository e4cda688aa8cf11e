import { useEffect, useId, useRef, useState, type ReactNode } from "react";

interface Props {
  label: string;
  testId: string;
  className: string;
  icon: ReactNode;
  count?: ReactNode;
  children: (close: () => void) => ReactNode;
}

/** A button with a small panel above it. Escape and a press outside close it; Escape gives the focus back. */
export function Popover({ label, testId, className, icon, count, children }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = () => setOpen(false);

  useEffect(() => {
    if (!open) return undefined;
    const panel = box.current?.querySelector<HTMLElement>(".popover");
    panel?.querySelector<HTMLElement>("button, select, input")?.focus();
    const onPress = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    window.addEventListener("pointerdown", onPress);
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("pointerdown", onPress);
      window.removeEventListener("keydown", onKey);
    };
  }, [open]);

  return (
    <div className="popover-box" ref={box}>
      <button
        ref={button}
        type="button"
        className={className}
        data-testid={testId}
        aria-label={label}
        title={label}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {icon}
        {count}
      </button>
      {open && (
        <div className="popover" id={id} role="dialog" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
