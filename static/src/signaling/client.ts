/**
 * One Socket.IO connection to namespace /call: requests become promises, pushes become typed listeners.
 *
 * Nothing is queued while the line is down. Socket.IO would send such requests before the room has been
 * joined again, so they fail at once instead and the session catches up after it has resumed.
 */

import { io, type Socket } from "socket.io-client";

import type { Pushes, Requests } from "./messages.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const RECONNECT_FIRST_MS = 300;
/** Short, as the server keeps our place for half a minute only. */
const RECONNECT_MAX_MS = 600;

export class SignalingError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "SignalingError";
    this.code = code;
  }
}

export class SignalingClient {
  private readonly socket: Socket;

  constructor() {
    this.socket = io("/call", {
      transports: ["websocket"],
      autoConnect: false,
      reconnectionDelay: RECONNECT_FIRST_MS,
      reconnectionDelayMax: RECONNECT_MAX_MS,
      timeout: REQUEST_TIMEOUT_MS,
    });
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  open(): void {
    this.socket.connect();
  }

  close(): void {
    this.socket.disconnect();
  }

  /** A new line; at its other end may be another server. */
  renew(): void {
    this.socket.disconnect();
    this.socket.connect();
  }

  onUp(listener: () => void): void {
    this.socket.on("connect", listener);
  }

  /** The line went down, or an attempt to bring it up failed. */
  onDown(listener: () => void): void {
    this.socket.on("disconnect", listener);
    this.socket.on("connect_error", listener);
  }

  /** The server put us out. Unlike a lost line this is meant, so Socket.IO does not come back from it by itself. */
  onDropped(listener: () => void): void {
    this.socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") listener();
    });
  }

  /** Resolves when the line is up; rejects after the request timeout. */
  ready(): Promise<void> {
    if (this.socket.connected) return Promise.resolve();
    this.open();
    return new Promise((resolve, reject) => {
      const up = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.socket.off("connect", up);
        reject(new SignalingError("unreachable", "The call server cannot be reached."));
      }, REQUEST_TIMEOUT_MS);
      this.socket.once("connect", up);
    });
  }

  onPush<E extends keyof Pushes>(event: E, listener: (push: Pushes[E]) => void): void {
    this.socket.on(event as string, listener as (push: unknown) => void);
  }

  async request<E extends keyof Requests>(event: E, body: Requests[E][0]): Promise<Requests[E][1]> {
    if (!this.socket.connected) throw new SignalingError("offline", "The connection is down.");
    let answer: unknown;
    try {
      answer = await this.socket.timeout(REQUEST_TIMEOUT_MS).emitWithAck(event, body);
    } catch {
      throw new SignalingError("no_answer", `The server did not answer ${event}.`);
    }
    const error = errorIn(answer);
    if (error) throw error;
    return answer as Requests[E][1];
  }

  /**
   * For requests whose answer changes nothing. Not worth a warning: that what it is about has just gone, and
   * that the line went down (the session says it again when it is back).
   */
  tell<E extends keyof Requests>(event: E, body: Requests[E][0]): void {
    this.request(event, body).catch((error: unknown) => {
      const gone = error instanceof SignalingError && error.code === "not_found";
      if (!gone && this.socket.connected) console.warn(`${event}:`, error);
    });
  }
}

/** Finds `{error: text, code}`, `{params: {error, code}}` and `{error: {code, message}}`. */
function errorIn(answer: unknown): SignalingError | null {
  const body = asRecord(answer);
  const holder = body["error"] === undefined ? asRecord(body["params"]) : body;
  const error = holder["error"];
  if (error === undefined || error === null) return null;
  if (typeof error === "object") {
    const { code, message } = error as { code?: string; message?: string };
    return new SignalingError(code ?? "error", message ?? code ?? "The server refused.");
  }
  const code = holder["code"];
  return new SignalingError(typeof code === "string" ? code : "error", String(error));
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
