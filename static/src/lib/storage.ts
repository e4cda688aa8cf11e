/** localStorage that never throws: private windows and strict settings may refuse it. */

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`rtpfwd:${key}`, value);
  } catch {
    // Not remembered, which costs one retyping.
  }
}

export function recall(key: string): string {
  try {
    return localStorage.getItem(`rtpfwd:${key}`) ?? "";
  } catch {
    return "";
  }
}
