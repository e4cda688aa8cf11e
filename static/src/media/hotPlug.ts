/** Devices that come and go, and permissions that are given after all. */

import type { Kind } from "../signaling/messages.ts";
import { mediaDevices } from "./devices.ts";

export function watchDevices(onChange: () => void): () => void {
  const devices = mediaDevices();
  devices?.addEventListener("devicechange", onChange);
  return () => devices?.removeEventListener("devicechange", onChange);
}

/** Calls back when the person allows a device in the browser's own settings. */
export function watchPermissions(onGranted: (kind: Kind) => void): () => void {
  const stops: (() => void)[] = [];
  let stopped = false;
  for (const [kind, name] of [["audio", "microphone"], ["video", "camera"]] as const) {
    // Not every browser knows these names; those that do not say so by rejecting.
    const asked = navigator.permissions?.query({ name: name as PermissionName });
    asked?.then(
      (status) => {
        if (stopped) return;
        const changed = () => status.state === "granted" && onGranted(kind);
        status.addEventListener("change", changed);
        stops.push(() => status.removeEventListener("change", changed));
      },
      () => undefined,
    );
  }
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}
