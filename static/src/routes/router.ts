/** Two pages told apart by path: `/` and `/room/NAME`. */

import { safeDecode } from "../lib/roomName.ts";
import { Store } from "../lib/store.ts";

export type Route = { page: "home" } | { page: "room"; name: string };

export const route = new Store<Route>(readRoute(location.pathname));

window.addEventListener("popstate", () => route.set(readRoute(location.pathname)));

export function goHome(): void {
  go("/");
}

export function goToRoom(name: string): void {
  go(`/room/${encodeURIComponent(name)}`);
}

/** The link to share: without query parameters, which are one person's own settings. */
export function roomLink(name: string): string {
  return `${location.origin}/room/${encodeURIComponent(name)}`;
}

function go(path: string): void {
  history.pushState(null, "", path + location.search);
  route.set(readRoute(path));
}

function readRoute(path: string): Route {
  const match = /^\/room\/([^/]+)\/?$/.exec(path);
  return match?.[1] ? { page: "room", name: safeDecode(match[1]) } : { page: "home" };
}
