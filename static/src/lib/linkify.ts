/** Finds web addresses in what somebody wrote. The result is text and addresses, never markup. */

export interface TextPart {
  text: string;
  /** Present on addresses; always http or https. */
  href?: string;
}

const CANDIDATE = /\bhttps?:\/\/[^\s<>"'`]+/gi;
const LONGEST = 2048;

export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = withoutTail(match[0]);
    const href = safeHref(shown);
    if (href === null) continue;
    if (match.index > done) parts.push({ text: text.slice(done, match.index) });
    parts.push({ text: shown, href });
    done = match.index + shown.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** A sentence's full stop is not the address's, and a closing bracket only if it was opened there. */
function withoutTail(found: string): string {
  let end = found.length;
  for (;;) {
    const last = found[end - 1] ?? "";
    const unopened = last === ")" && count(found.slice(0, end), "(") < count(found.slice(0, end), ")");
    if (!".,:;!?".includes(last) && !unopened) return found.slice(0, end);
    end -= 1;
  }
}

function safeHref(shown: string): string | null {
  if (shown.length > LONGEST) return null;
  try {
    const url = new URL(shown);
    // Names before an @ make one site look like another.
    const plain = url.username === "" && url.password === "";
    return plain && (url.protocol === "https:" || url.protocol === "http:") ? url.href : null;
  } catch {
    return null;
  }
}

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}
