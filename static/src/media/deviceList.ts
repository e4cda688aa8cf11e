/** The microphones, cameras and speakers of this computer, and through which of the last we hear. */

import { recall, remember } from "../lib/storage.ts";
import { Store } from "../lib/store.ts";
import { mediaDevices } from "./devices.ts";
import { watchDevices } from "./hotPlug.ts";

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";
export type DeviceList = Record<DeviceKind, readonly { id: string; label: string }[]>;

const NONE: DeviceList = { audioinput: [], videoinput: [], audiooutput: [] };
const SPEAKER = "speaker";

export const deviceList = new Store<DeviceList>(NONE);
/** Device id; empty is the system's default. */
export const speaker = new Store<string>(recall(SPEAKER));

/** Without permission browsers give no labels and at most one nameless device of each kind. */
export async function listDevices(): Promise<void> {
  const found = (await mediaDevices()?.enumerateDevices()) ?? [];
  const of = (kind: DeviceKind) =>
    found
      // "default" is an alias of a device that is in the list as well; our own first entry stands for it.
      .filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default")
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
  deviceList.set({ audioinput: of("audioinput"), videoinput: of("videoinput"), audiooutput: of("audiooutput") });
}

/** Keeps the list up to date until the returned function is called. */
export function followDevices(): () => void {
  void listDevices();
  return watchDevices(() => void listDevices());
}

export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}

export function chooseSpeaker(id: string): void {
  remember(SPEAKER, id);
  speaker.set(id);
}

/** A speaker that is gone leaves the element on the system's default. */
export function playThrough(element: HTMLMediaElement, id: string): void {
  if (!("setSinkId" in element) || element.sinkId === id) return;
  element.setSinkId(id).catch(() => element.setSinkId("").catch(() => undefined));
}
