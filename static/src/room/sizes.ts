/**
 * How large each remote picture is on the screen, in physical pixels: measured at the tiles themselves, so that
 * full screen, zoom and picture in picture count. Told to the server, so that nobody sends more than is seen.
 */

import { HIDDEN, inPixels, isNews, larger, type PixelSize } from "../lib/shownSize.ts";
import { Store } from "../lib/store.ts";
import type { SignalingClient } from "../signaling/client.ts";

const SETTLE_MS = 200;

export type Sizes = Store<ReadonlyMap<string, PixelSize>>;

/**
 * Looks at the tiles. `store` has the sizes by producer id. What is new or grows is in it at once, as more has to be
 * fetched for it; what shrinks or goes, when that has settled.
 */
export class TileSizes {
  readonly store: Sizes = new Store(new Map());
  private readonly elements = new Map<HTMLElement, string>();
  private readonly observer = new ResizeObserver(() => this.look());
  private readonly stops: (() => void)[] = [];
  private pip: PictureInPictureWindow | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const soon = () => this.look();
    this.listen(document, "visibilitychange", soon);
    this.listen(document, "enterpictureinpicture", (event) => {
      this.pip = (event as PictureInPictureEvent).pictureInPictureWindow;
      this.pip.addEventListener("resize", soon);
      soon();
    });
    this.listen(document, "leavepictureinpicture", () => {
      this.pip?.removeEventListener("resize", soon);
      this.pip = null;
      soon();
    });
    // Zoom, and windows that move to another screen.
    this.listen(window, "resize", soon);
  }

  /** Looks at a tile until the returned function is called. */
  observe(producerId: string, element: HTMLElement): () => void {
    this.elements.set(element, producerId);
    this.observer.observe(element);
    this.look();
    return () => {
      this.observer.unobserve(element);
      this.elements.delete(element);
      this.look();
    };
  }

  close(): void {
    clearTimeout(this.timer);
    this.observer.disconnect();
    for (const stop of this.stops) stop();
  }

  private look(): void {
    clearTimeout(this.timer);
    const [before, now] = [this.store.get(), this.measure()];
    const grew = [...now].some(([id, size]) => {
      const past = before.get(id);
      return isNews(past, size) && larger(size, past ?? HIDDEN) === size;
    });
    if (grew) this.store.set(now);
    else this.timer = setTimeout(() => this.store.set(this.measure()), SETTLE_MS);
  }

  private measure(): Map<string, PixelSize> {
    const sizes = new Map<string, PixelSize>();
    for (const [element, producerId] of this.elements) {
      sizes.set(producerId, larger(this.sizeOf(element), sizes.get(producerId) ?? HIDDEN));
    }
    return sizes;
  }

  private sizeOf(element: HTMLElement): PixelSize {
    // A tile on its way to a new place has the size there in its style.
    const there = { width: parseFloat(element.style.width) || 0, height: parseFloat(element.style.height) || 0 };
    const tile = larger({ width: element.clientWidth, height: element.clientHeight }, there);
    const seen = inPixels(document.hidden ? HIDDEN : tile, window.devicePixelRatio);
    const picture = document.pictureInPictureElement;
    if (!this.pip || !picture || !element.contains(picture)) return seen;
    return larger(seen, inPixels(this.pip, window.devicePixelRatio));
  }

  private listen(target: EventTarget, event: string, listener: (event: Event) => void): void {
    target.addEventListener(event, listener);
    this.stops.push(() => target.removeEventListener(event, listener));
  }
}

/** Tells the server the sizes of what we consume. One for each membership. */
export class SizeTeller {
  private readonly signaling: SignalingClient;
  private readonly sizes: Sizes;
  /** By consumer id. */
  private readonly told = new Map<string, PixelSize>();

  constructor(signaling: SignalingClient, sizes: Sizes) {
    this.signaling = signaling;
    this.sizes = sizes;
  }

  /** Tells how large one is, if there is a tile for it and it is news. */
  tell(consumerId: string, producerId: string): void {
    const size = this.sizes.get().get(producerId);
    if (!size || !this.signaling.connected || !isNews(this.told.get(consumerId), size)) return;
    this.told.set(consumerId, size);
    this.signaling.tell("consumer-set-shown-size", { serverConsumerId: consumerId, ...size });
  }

  /** What was told may not have arrived. */
  doubt(): void {
    this.told.clear();
  }
}
