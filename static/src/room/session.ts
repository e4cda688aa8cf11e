/**
 * One person in one room, from the preview to the end of the call. Knows signaling and media, not React.
 *
 * Laws: the store is what the room looks like, and only this folder writes it. `links` is there exactly
 * while we are a peer of the room. Each join and rejoin takes a new `turn`; an answer to an older turn
 * changes nothing.
 */

import type { types } from "mediasoup-client";

import { t } from "../i18n/index.ts";
import { takeToken } from "../lib/address.ts";
import { markJoinClicked } from "../lib/marks.ts";
import { Store } from "../lib/store.ts";
import { LocalMedia } from "../media/localMedia.ts";
import { ScreenShare } from "../media/screenShare.ts";
import type { VideoSize } from "../lib/video.ts";
import { SignalingClient, SignalingError } from "../signaling/client.ts";
import type { JoinAnswer, ReactionName } from "../signaling/messages.ts";
import { DownlinkWatch } from "./downlink.ts";
import { Links, loadDevice } from "./links.ts";
import { Moderation } from "./moderation.ts";
import { watchNetwork } from "./network.ts";
import { listenToPushes } from "./pushes.ts";
import type { ConsumerStats, Wanted, Watched } from "./receiving.ts";
import { TileSizes } from "./sizes.ts";
import { SpeakingWatch } from "./speaking.ts";
import { Statistics } from "./statistics.ts";
import { EMPTY_ROOM, readTime, withRoster, type Panel, type RoomState, type Toast } from "./state.ts";

const TOAST_MS = 4_500;
const RETRY_JOIN_MS = 1_500;
const REACTION_MS = 4_000;

export class RoomSession {
  readonly roomName: string;
  readonly store = new Store<RoomState>(EMPTY_ROOM);
  readonly media: LocalMedia;
  readonly screen = new ScreenShare();
  readonly speaking: SpeakingWatch;
  readonly statistics: Statistics;
  /** What the stage shows; whatever is not in it is not fetched. */
  readonly watched: Watched = new Store(null);
  readonly sizes = new TileSizes();
  readonly downlink = new DownlinkWatch();
  links: Links | null = null;
  /** Producers announced without their peer before there was anything to receive them with. */
  readonly orphans: Wanted[] = [];
  private readonly signaling = new SignalingClient();
  readonly moderation = new Moderation(this.signaling, this);
  private readonly token = takeToken();
  private device: Promise<types.Device> | null = null;
  private resumeToken: string | undefined;
  private readonly unwatchNetwork: () => void;
  private turn = 0;
  private nextKey = 1;

  constructor(roomName: string, size: VideoSize) {
    this.roomName = roomName;
    this.media = new LocalMedia(size);
    this.speaking = new SpeakingWatch(this);
    this.statistics = new Statistics(this);
    this.unwatchNetwork = watchNetwork(() => this.links?.networkChanged());
    this.signaling.onUp(() => this.lineUp());
    this.signaling.onDown(() => this.patch({ online: false }));
    this.signaling.onDropped(() => {
      if (this.store.get().phase === "joined") this.leave("closed");
    });
    listenToPushes(this.signaling, this);
  }

  /** Everything that can be done before Join is pressed: open the line, fetch the library, ask for devices. */
  prepare(): void {
    this.signaling.open();
    this.device ??= loadDevice();
    this.device.catch((error: unknown) => this.patch({ error: describeJoinError(error) }));
    void this.media.start();
  }

  async join(displayName: string): Promise<void> {
    markJoinClicked();
    this.media.rememberSwitches();
    const turn = ++this.turn;
    this.resumeToken = undefined;
    this.patch({ ...EMPTY_ROOM, online: this.store.get().online, phase: "joining", displayName });
    try {
      const answer = await this.askUntilTaken(turn);
      if (answer) await this.enter(answer);
    } catch (error) {
      // A line that broke after we got in is lineUp()'s business.
      const interrupted = this.store.get().phase === "joined" && !this.signaling.connected;
      if (turn === this.turn && !interrupted) this.backToStart(error);
    }
  }

  /** Back into the call from the page that says it is over. */
  async rejoin(): Promise<void> {
    this.signaling.open();
    this.media.restart();
    await this.join(this.store.get().displayName);
  }

  leave(phase: "left" | "closed" = "left"): void {
    this.turn++;
    this.dropLinks();
    this.media.stop();
    this.screen.stop();
    this.patch({ phase, peers: [], handRaisedAt: null, reactions: [], panel: null, unread: 0, soundBlocked: false });
    const goodbye = phase === "left" ? this.signaling.request("leaveRoom", {}) : Promise.resolve();
    const turn = this.turn;
    void goodbye.catch(() => undefined).then(() => turn === this.turn && this.signaling.close());
  }

  /** The server stops and everything on it ends; the room is joined anew when it answers again. */
  awaitServer(): void {
    this.turn++;
    this.resumeToken = undefined;
    this.dropLinks();
    this.patch({ peers: [], ownScores: {}, online: false });
  }

  /** The page goes away: say so, or the others look at our frozen picture until the server gives up on us. */
  dispose(): void {
    this.turn++;
    if (this.store.get().phase === "joined") this.signaling.tell("leaveRoom", {});
    this.dropLinks();
    this.media.stop();
    this.screen.stop();
    this.unwatchNetwork();
    this.sizes.close();
    this.signaling.close();
  }

  async sendChat(text: string): Promise<boolean> {
    try {
      await this.signaling.request("chat-send", { text });
    } catch (error) {
      this.notify(t().notSent(error instanceof Error ? error.message : t().tryAgain), "bad");
      return false;
    }
    const { peerId, displayName } = this.store.get();
    this.addChatLine({ peerId: peerId ?? "", displayName, text, time: Date.now(), own: true });
    return true;
  }

  addChatLine(line: Omit<RoomState["chat"][number], "key">): void {
    this.store.update((state) => ({
      ...state,
      chat: [...state.chat, { ...line, key: this.nextKey++ }],
      unread: line.own || state.panel === "chat" ? state.unread : state.unread + 1,
    }));
  }

  /** Opens a panel, or closes it when it is the one that is open. */
  togglePanel(panel: NonNullable<Panel>): void {
    this.store.update((state) => {
      const next = state.panel === panel ? null : panel;
      return { ...state, panel: next, unread: next === "chat" ? 0 : state.unread };
    });
  }

  async toggleScreen(): Promise<void> {
    if (this.screen.store.get().video) {
      this.screen.stop();
      return;
    }
    try {
      const started = await this.screen.start();
      // Left while the browser's picker was open.
      if (started && this.store.get().phase !== "joined") this.screen.stop();
    } catch (error) {
      console.warn("sharing the screen:", error);
      this.notify(t().shareFailed, "bad");
    }
  }

  async setDisplayName(displayName: string): Promise<void> {
    try {
      await this.signaling.request("set-display-name", { displayName });
      this.patch({ displayName });
    } catch (error) {
      this.notify(t().notSent(error instanceof Error ? error.message : t().tryAgain), "bad");
    }
  }

  toggleHand(): void {
    const raised = this.store.get().handRaisedAt === null;
    this.patch({ handRaisedAt: raised ? new Date().toISOString() : null });
    this.signaling.tell("raise-hand", { raised });
  }

  async react(name: ReactionName): Promise<void> {
    try {
      await this.signaling.request("react", { reaction: name });
      this.showReaction(this.store.get().peerId ?? "", name);
    } catch (error) {
      const fast = error instanceof SignalingError && error.code === "limit_exceeded";
      this.notify(fast ? t().tooManyReactions : t().notSent(t().waitingForLine), "bad");
    }
  }

  showReaction(peerId: string, name: ReactionName): void {
    const key = this.nextKey++;
    this.store.update((state) => ({ ...state, reactions: [...state.reactions.slice(-19), { key, peerId, name }] }));
    setTimeout(() => {
      this.store.update((state) => ({ ...state, reactions: state.reactions.filter((one) => one.key !== key) }));
    }, REACTION_MS);
  }

  setSoundBlocked(soundBlocked: boolean): void {
    this.patch({ soundBlocked });
  }

  notify(text: string, tone: Toast["tone"] = "plain"): void {
    const key = this.nextKey++;
    this.store.update((state) => ({ ...state, toasts: [...state.toasts.slice(-3), { key, text, tone }] }));
    setTimeout(() => {
      this.store.update((state) => ({ ...state, toasts: state.toasts.filter((toast) => toast.key !== key) }));
    }, TOAST_MS);
  }

  stats(): Promise<ConsumerStats[]> {
    return this.links?.receiving?.stats() ?? Promise.resolve([]);
  }

  /** A server that is about to stop takes nobody new; a new line may end at the one that replaces it. Null: given up. */
  private async askUntilTaken(turn: number): Promise<JoinAnswer | null> {
    for (;;) {
      try {
        await this.signaling.ready();
        const answer = await this.askToJoin();
        return turn === this.turn ? answer : null;
      } catch (error) {
        if (turn !== this.turn) return null;
        const between = this.store.get().draining !== null && isAbsence(error);
        if (codeOf(error) !== "draining" && !between) throw error;
      }
      this.patch({ draining: { at: null } });
      await new Promise((resolve) => setTimeout(resolve, RETRY_JOIN_MS));
      if (turn !== this.turn) return null;
      this.signaling.renew();
    }
  }

  private askToJoin(): Promise<JoinAnswer> {
    const { displayName } = this.store.get();
    const resume = this.resumeToken === undefined ? {} : { resumeToken: this.resumeToken };
    const token = this.token === undefined ? {} : { token: this.token };
    return this.signaling.request("joinRoom", { roomName: this.roomName, displayName, ...token, ...resume });
  }

  /** We are a (new) peer: show the room at once, then bring the media up. */
  private async enter(answer: JoinAnswer): Promise<void> {
    this.takeRoster(answer);
    const { signaling, store, media, screen, watched } = this;
    const onLost = () => void this.startOver();
    const links = new Links({ signaling, store, media, screen, watched, sizes: this.sizes.store, onLost });
    this.links = links;
    this.speaking.start();
    const device = await (this.device ?? loadDevice());
    this.device = null;
    if (this.links === links) await links.open(device, answer, this.orphans.splice(0));
  }

  private takeRoster(answer: JoinAnswer): void {
    this.resumeToken = answer.resumeToken;
    const roster = (answer.peers ?? []).filter((peer) => peer.id !== answer.peerId);
    this.store.update((state) => ({
      ...withRoster(state, roster),
      phase: "joined",
      error: null,
      peerId: answer.peerId ?? null,
      displayName: answer.displayName ?? state.displayName,
      moderator: answer.grants?.moderate ?? false,
      locked: answer.locked ?? false,
      draining: answer.draining ? (state.draining ?? { at: null }) : null,
    }));
    const longest = answer.limits?.["chatLength"];
    if (typeof longest === "number") this.patch({ chatLength: longest });
    if (answer.chat) this.takeChat(answer.chat, answer.peerId);
  }

  /** The room's lines as the server keeps them: who comes late, or was away, reads on from there. */
  private takeChat(lines: NonNullable<JoinAnswer["chat"]>, own: string): void {
    const now = Date.now();
    this.store.update((state) => ({
      ...state,
      chat: lines.map(({ peerId, displayName, text, time }) => ({
        peerId,
        displayName,
        text,
        time: readTime(time, now),
        own: peerId === own,
        key: this.nextKey++,
      })),
      unread: state.panel === "chat" ? 0 : state.unread + Math.max(0, lines.length - state.chat.length),
    }));
  }

  private lineUp(): void {
    this.patch({ online: true });
    if (this.store.get().phase === "joined") void this.comeBack();
  }

  /** A new line during a call: take our old place over, or, when it is gone, join as somebody new. */
  private async comeBack(): Promise<void> {
    const turn = ++this.turn;
    try {
      const answer = await this.askToJoin();
      if (turn !== this.turn) return;
      const { peerId, handRaisedAt } = this.store.get();
      // Said again, as it may not have arrived.
      this.signaling.tell("raise-hand", { raised: handRaisedAt !== null });
      if (this.links?.receiving && this.links.sending && answer.peerId === peerId) {
        this.takeRoster(answer);
        this.links.resume(answer);
      } else {
        this.dropLinks();
        this.patch({ peers: [] });
        await this.enter(answer);
      }
    } catch (error) {
      if (turn === this.turn) this.comeBackFailed(error, turn);
    }
  }

  private comeBackFailed(error: unknown, turn: number): void {
    const code = codeOf(error);
    if (!this.signaling.connected) return; // The next lineUp() tries again.
    if (code === "draining") {
      this.patch({ draining: { at: null } });
      setTimeout(() => turn === this.turn && this.signaling.renew(), RETRY_JOIN_MS);
    } else if (code === "no_answer") {
      setTimeout(() => turn === this.turn && void this.comeBack(), RETRY_JOIN_MS);
    } else if (this.resumeToken !== undefined) {
      this.resumeToken = undefined;
      void this.comeBack();
    } else {
      this.backToStart(error);
    }
  }

  /** The server forgot our transports: leave and join again, with the same devices. */
  private async startOver(): Promise<void> {
    if (this.store.get().phase !== "joined") return;
    this.resumeToken = undefined;
    await this.signaling.request("leaveRoom", {}).catch(() => undefined);
    await this.comeBack();
  }

  private backToStart(error: unknown): void {
    this.dropLinks();
    this.patch({ phase: "prejoin", peers: [], error: describeJoinError(error) });
    this.device ??= loadDevice();
    this.device.catch(() => undefined);
    // A join that failed half way may have left us in the room.
    if (this.signaling.connected) this.signaling.tell("leaveRoom", {});
  }

  private dropLinks(): void {
    this.speaking.stop();
    this.links?.close();
    this.links = null;
    this.downlink.reset();
    this.orphans.length = 0;
  }

  private patch(change: Partial<RoomState>): void {
    this.store.update((state) => ({ ...state, ...change }));
  }
}

function codeOf(error: unknown): string {
  return error instanceof SignalingError ? error.code : "";
}

function isAbsence(error: unknown): boolean {
  return ["no_answer", "offline", "unreachable"].includes(codeOf(error));
}

function describeJoinError(error: unknown): string {
  const code = codeOf(error);
  if (code === "room_full") return t().roomFull;
  if (code === "room_locked") return t().roomLocked;
  if (code === "token_invalid" || code === "forbidden") return t().notAllowed;
  if (isAbsence(error)) return t().unreachable;
  if (error instanceof Error && error.name === "UnsupportedError") return t().browserTooOld;
  return error instanceof Error && error.message ? error.message : t().joinFailedText;
}
