/**
 * What the page's address says beside the room. A token lets its holder in, so it leaves the address bar at
 * once, where it would be seen, copied and kept in the history; this tab remembers it for a reload.
 */

const TOKEN = "rtpfwd:token:";

/** The token for this page: from `?token=` or `#token=` (which no server sees), else that of the last load. */
export function takeToken(): string | undefined {
  const url = new URL(location.href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const given = fragment.get("token") ?? url.searchParams.get("token");
  const key = TOKEN + url.pathname;
  if (given === null) return recalled(key);
  url.searchParams.delete("token");
  fragment.delete("token");
  url.hash = fragment.toString();
  history.replaceState(history.state, "", url);
  try {
    sessionStorage.setItem(key, given);
  } catch {
    // A reload will need the link again.
  }
  return given || undefined;
}

/** Whether `?relay=1` asks for media through a TURN server only, to try one out. */
export function relayOnly(): boolean {
  return new URLSearchParams(location.search).get("relay") === "1";
}

function recalled(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
