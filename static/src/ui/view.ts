/** How one person looks at the call: nothing of it is known to anybody else. */

import { recall, remember } from "../lib/storage.ts";
import { Store } from "../lib/store.ts";

export interface View {
  mode: "grid" | "speaker";
  /** Tile keys that are shown large, oldest first. */
  pinned: readonly string[];
  page: number;
  /** Tile keys whose figures are shown. */
  statsOf: ReadonlySet<string>;
  hideSelf: boolean;
  dialog: "settings" | "shortcuts" | null;
  /** Of whom it is asked whether they shall be removed. */
  removing: string | null;
}

const HIDE_SELF = "hide-self";
const MOST_PINNED = 4;

export class CallView {
  readonly store = new Store<View>({
    mode: "grid",
    pinned: [],
    page: 0,
    statsOf: new Set(),
    hideSelf: recall(HIDE_SELF) === "yes",
    dialog: null,
    removing: null,
  });

  setPage(page: number): void {
    this.patch({ page });
  }

  toggleMode(): void {
    this.store.update((view) => ({ ...view, mode: view.mode === "grid" ? "speaker" : "grid", page: 0 }));
  }

  togglePin(key: string): void {
    this.store.update((view) => {
      const pinned = view.pinned.includes(key)
        ? view.pinned.filter((one) => one !== key)
        : [...view.pinned.slice(1 - MOST_PINNED), key];
      return { ...view, pinned, page: 0 };
    });
  }

  toggleStats(key: string): void {
    this.store.update((view) => {
      const statsOf = new Set(view.statsOf);
      if (!statsOf.delete(key)) statsOf.add(key);
      return { ...view, statsOf };
    });
  }

  setHideSelf(hideSelf: boolean): void {
    remember(HIDE_SELF, hideSelf ? "yes" : "");
    this.patch({ hideSelf });
  }

  show(dialog: View["dialog"]): void {
    this.patch({ dialog });
  }

  askToRemove(removing: string | null): void {
    this.patch({ removing });
  }

  private patch(change: Partial<View>): void {
    this.store.update((view) => ({ ...view, ...change }));
  }
}
