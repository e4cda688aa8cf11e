import { useEffect, useMemo, useState, type RefObject } from "react";

import { useStore } from "../lib/store.ts";
import type { LocalMedia } from "../media/localMedia.ts";
import type { RoomSession } from "../room/session.ts";

export interface Size {
  width: number;
  height: number;
}

/** The inner size of an element in CSS pixels, kept up to date. */
export function useElementSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

/** Has the server told in how many pixels a tile shows somebody's picture. */
export function useShownSize(session: RoomSession, producerId: string | null, ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = ref.current;
    return element && producerId !== null ? session.sizes.observe(producerId, element) : undefined;
  }, [session, producerId, ref]);
}

export function useTrackStream(track: MediaStreamTrack | null): MediaStream | null {
  return useMemo(() => (track ? new MediaStream([track]) : null), [track]);
}

/** Single-letter shortcuts, silent while somebody types or holds a modifier. */
export function useShortcuts(shortcuts: Record<string, () => void>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isForSomethingElse(event)) return;
      const action = shortcuts[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [shortcuts]);
}

/** The space bar opens a muted microphone for as long as it is held. On a button it presses the button instead. */
export function useHoldToTalk(media: LocalMedia): void {
  useEffect(() => {
    let talking = false;
    const stop = () => {
      if (talking) media.turnOff("audio");
      talking = false;
    };
    const down = (event: KeyboardEvent) => {
      if (event.code !== "Space" || event.repeat || isForSomethingElse(event, "button, a, summary")) return;
      const { on, track } = media.store.get().audio;
      event.preventDefault();
      if (on || !track) return;
      talking = true;
      void media.turnOn("audio");
    };
    const up = (event: KeyboardEvent) => {
      if (event.code === "Space") stop();
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", stop);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", stop);
    };
  }, [media]);
}

/** Mute keys of headsets and keyboards, and the buttons of the system's own call window. */
export function useMediaKeys(session: RoomSession): void {
  const { media } = session;
  const { audio, video } = useStore(media.store);
  const [talking, showing] = [audio.on && audio.track !== null, video.on && video.track !== null];

  useEffect(() => {
    const actions = {
      togglemicrophone: () => media.toggle("audio"),
      togglecamera: () => media.toggle("video"),
      hangup: () => session.leave(),
    };
    const set = (name: string, action: (() => void) | null) => {
      try {
        navigator.mediaSession?.setActionHandler(name as MediaSessionAction, action);
      } catch {
        // This browser does not know the action.
      }
    };
    for (const [name, action] of Object.entries(actions)) set(name, action);
    return () => {
      for (const name of Object.keys(actions)) set(name, null);
    };
  }, [media, session]);

  useEffect(() => {
    // Newer than the type library.
    const system = navigator.mediaSession as
      | { setMicrophoneActive?: (on: boolean) => unknown; setCameraActive?: (on: boolean) => unknown }
      | undefined;
    system?.setMicrophoneActive?.(talking);
    system?.setCameraActive?.(showing);
  }, [talking, showing]);
}

/** Somebody types, or a window is open in front of the call. */
function isForSomethingElse(event: KeyboardEvent, also = ""): boolean {
  const target = event.target instanceof HTMLElement ? event.target : null;
  return target?.closest(`input, textarea, select, dialog, [contenteditable]${also && `, ${also}`}`) != null;
}
