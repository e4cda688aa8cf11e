import { useEffect, useState } from "react";

import { useT } from "../i18n/index.ts";
import { roomLink } from "../routes/router.ts";
import { CheckIcon, LinkIcon } from "./icons.tsx";

const SHOWN_MS = 2_000;

interface Props {
  roomName: string;
  className: string;
  /** Icon only; the words stay for screen readers. */
  compact?: boolean;
  testId?: string;
}

export function CopyLink({ roomName, className, compact = false, testId = "copy-link" }: Props) {
  const t = useT();
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const label = copied ? t.linkCopied : t.copyLink;
  return (
    <button
      type="button"
      className={className}
      data-testid={testId}
      data-done={copied}
      aria-label={label}
      title={compact ? label : undefined}
      onClick={() => void copyText(roomLink(roomName)).then(setCopied)}
    >
      {copied ? <CheckIcon /> : <LinkIcon />}
      {!compact && <span>{label}</span>}
    </button>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Insecure pages have no clipboard interface; the old command still works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
