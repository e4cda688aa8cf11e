/**
 * How large each remote picture is on the screen, in physical pixels: measured at the tiles themselves, so that
 * full screen, zoom and picture in picture count. Told to the server, so that nobody sends more than is seen.
 */

import { HIDDEN, inPixels, isNews, larger, type PixelSize } from "../lib/shownSize.ts";
import { Store } from "../lib/store.ts";
import type { SignalingClient } from "../signaling/client.ts";

const SETTLE_MS = 200;

export type Sizes = Store<ReadonlyMap<string, PixelSize>>;

/** Looks at the tiles. `store` has the sizes by producer id; new ones are in it at once, changes when they settle. */
export class TileSizes {
  readonly store: Sizes = new Store(new Map());
  private readonly elements = new Map<Element, string>();
  private readonly observer = new ResizeObserver(() => this.settle());
  private readonly stops: (() => void)[] = [];
  private pip: PictureInPictureWindow | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const soon = () => this.settle();
    this.listen(document, "visibilitychange", () => (document.hidden ? this.settle() : this.measure()));
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
  observe(producerId: string, element: Element): () => void {
    this.elements.set(element, producerId);
    this.observer.observe(element);
    this.measure();
    return () => {
      this.observer.unobserve(element);
      this.elements.delete(element);
      this.settle();
    };
  }

  close(): void {
    clearTimeout(this.timer);
    this.observer.disconnect();
    for (const stop of this.stops) stop();
  }

  private settle(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.measure(), SETTLE_MS);
  }

  private measure(): void {
    const sizes = new Map<string, PixelSize>();
    for (const [element, producerId] of this.elements) {
      sizes.set(producerId, larger(this.sizeOf(element), sizes.get(producerId) ?? HIDDEN));
    }
    this.store.set(sizes);
  }

  private sizeOf(element: Element): PixelSize {
    const tile = { width: element.clientWidth, height: element.clientHeight };
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
