/** Tells when the computer changed networks: from cable to Wi-Fi, from Wi-Fi to mobile, or back on line. */

export function watchNetwork(onChange: () => void): () => void {
  // Not every browser has it.
  const connection = (navigator as { connection?: EventTarget & { type?: string } }).connection;
  let type = connection?.type;
  const changed = () => {
    // It also fires when only the guessed speed changes.
    if (connection?.type === type) return;
    type = connection?.type;
    onChange();
  };
  window.addEventListener("online", onChange);
  connection?.addEventListener("change", changed);
  return () => {
    window.removeEventListener("online", onChange);
    connection?.removeEventListener("change", changed);
  };
}
