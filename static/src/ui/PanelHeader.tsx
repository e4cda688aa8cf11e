import { CloseIcon } from "./icons.tsx";

interface Props {
  title: string;
  closeLabel: string;
  testId: string;
  onClose: () => void;
}

/** The top of a panel beside the stage. */
export function PanelHeader({ title, closeLabel, testId, onClose }: Props) {
  return (
    <header className="panel-header">
      <h2>{title}</h2>
      <button type="button" className="icon-button" aria-label={closeLabel} title={closeLabel} data-testid={testId} onClick={onClose}>
        <CloseIcon />
      </button>
    </header>
  );
}
