/** The screen, window or tab that a person shows, with the tab's sound if they share it. */

import { Store } from "../lib/store.ts";

export interface ScreenState {
  video: MediaStreamTrack | null;
  audio: MediaStreamTrack | null;
  /** The browser's picker is open. */
  pending: boolean;
}

const NOTHING: ScreenState = { video: null, audio: null, pending: false };
const FRAME_RATE = 30;

export class ScreenShare {
  readonly store = new Store<ScreenState>(NOTHING);

  static get supported(): boolean {
    const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
    return devices !== undefined && "getDisplayMedia" in devices;
  }

  /** Opens the browser's picker. False when the person closed it again; throws when the browser cannot. */
  async start(): Promise<boolean> {
    if (this.store.get().pending || this.store.get().video) return true;
    this.store.set({ ...NOTHING, pending: true });
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { max: FRAME_RATE } },
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
        // Newer names that the type library does not have; browsers pass over those that they do not know.
        ...{ surfaceSwitching: "include", systemAudio: "include", selfBrowserSurface: "include" },
      });
      this.take(stream);
      return true;
    } catch (error) {
      this.store.set(NOTHING);
      if (error instanceof Error && (error.name === "NotAllowedError" || error.name === "AbortError")) return false;
      throw error;
    }
  }

  stop(): void {
    const { video, audio } = this.store.get();
    video?.stop();
    audio?.stop();
    this.store.set(NOTHING);
  }

  private take(stream: MediaStream): void {
    const [video = null] = stream.getVideoTracks();
    const [audio = null] = stream.getAudioTracks();
    if (video) video.contentHint = "detail";
    if (audio) audio.contentHint = "music";
    // The browser's own bar has a button to stop as well.
    video?.addEventListener("ended", () => this.store.get().video === video && this.stop());
    audio?.addEventListener("ended", () => {
      this.store.update((state) => (state.audio === audio ? { ...state, audio: null } : state));
    });
    this.store.set({ video, audio, pending: false });
  }
}
