/** The Socket.IO contract of namespace /call, as types. Media values are mediasoup-client's own. */

import type { types } from "mediasoup-client";

import type { Downlink } from "../lib/weakLink.ts";

export type MediaSource = "camera" | "microphone" | "screen" | "screen-audio";
export type Kind = "audio" | "video";
export type AppData = Record<string, unknown>;

export interface ProducerInfo {
  id: string;
  kind: Kind;
  paused: boolean;
  appData?: AppData;
}

export interface PeerInfo {
  id: string;
  displayName: string;
  appData?: AppData;
  producers?: ProducerInfo[];
  handRaisedAt?: string;
  reconnecting?: boolean;
}

export const REACTIONS = ["thumbs-up", "heart", "clap", "laugh", "wow", "party"] as const;
export type ReactionName = (typeof REACTIONS)[number];

export interface Layers {
  spatialLayer: number;
  temporalLayer?: number;
}

export interface ConsumerScore {
  score: number;
  producerScore: number;
  producerScores: number[];
}

export interface AudioLevel {
  peerId: string;
  /** dBov: 0 is as loud as can be, -127 is silence. */
  level: number;
}

export interface JoinAnswer {
  rtpCapabilities: types.RtpCapabilities;
  peerId: string;
  peers?: PeerInfo[];
  iceServers?: RTCIceServer[];
  resumeToken?: string;
  /** What the server has of us, when a resume token was given. */
  resumed?: { producers: readonly { id: string }[]; consumers: readonly { id: string; producerId: string }[] };
  /** The room's last lines, ours included. */
  chat?: readonly { peerId: string; displayName: string; text: string; time: number | string }[];
  limits?: Record<string, unknown>;
  /** What we are called: a token may fix it. */
  displayName?: string;
  grants?: { publish: boolean; subscribe: boolean; moderate: boolean };
  locked?: boolean;
  /** The server is about to stop. */
  draining?: boolean;
}

export type TransportParams = Pick<
  types.TransportOptions,
  "id" | "iceParameters" | "iceCandidates" | "dtlsParameters" | "sctpParameters"
>;

export interface ConsumeParams {
  id: string;
  producerId: string;
  kind: Kind;
  rtpParameters: types.RtpParameters;
  serverConsumerId: string;
  type?: string;
  producerPaused?: boolean;
  appData?: AppData;
  score?: ConsumerScore;
}

/** Requests: what is sent and what the acknowledgement holds when it is not an error. */
export interface Requests {
  joinRoom: [{ roomName: string; displayName: string; token?: string; resumeToken?: string }, JoinAnswer];
  createWebRtcTransport: [{ consumer: boolean }, { params: TransportParams }];
  "transport-connect": [{ dtlsParameters: types.DtlsParameters; transportId: string }, unknown];
  "transport-recv-connect": [
    { dtlsParameters: types.DtlsParameters; serverConsumerTransportId: string },
    unknown,
  ];
  "transport-produce": [
    { kind: Kind; rtpParameters: types.RtpParameters; appData: AppData; transportId: string },
    { id: string; producersExist: boolean },
  ];
  consume: [
    { rtpCapabilities: types.RtpCapabilities; remoteProducerId: string; serverConsumerTransportId: string },
    { params: ConsumeParams },
  ];
  "consumer-resume": [{ serverConsumerId: string }, unknown];
  "consumer-pause": [{ serverConsumerId: string }, unknown];
  "consumer-close": [{ serverConsumerId: string }, unknown];
  "consumer-set-preferred-layers": [
    { serverConsumerId: string; spatialLayer: number; temporalLayer?: number },
    unknown,
  ];
  "consumer-set-shown-size": [{ serverConsumerId: string; width: number; height: number }, unknown];
  "producer-pause": [{ producerId: string }, unknown];
  "producer-resume": [{ producerId: string }, unknown];
  "producer-close": [{ producerId: string }, unknown];
  "restart-ice": [{ transportId: string }, { iceParameters: types.IceParameters; iceServers?: RTCIceServer[] }];
  "chat-send": [{ text: string }, unknown];
  "set-display-name": [{ displayName: string }, unknown];
  "raise-hand": [{ raised: boolean }, unknown];
  react: [{ reaction: ReactionName }, unknown];
  leaveRoom: [Record<string, never>, unknown];
  "room-lock": [{ locked: boolean }, unknown];
  "peer-mute": [{ producerId: string }, unknown];
  "peer-remove": [{ peerId: string }, unknown];
}

/** Pushes: what arrives unasked. */
export interface Pushes {
  "new-producer": { producerId: string; peerId?: string; kind?: Kind; appData?: AppData; paused?: boolean };
  "producer-closed": { remoteProducerId: string };
  "producer-paused": { producerId: string; peerId?: string };
  "producer-resumed": { producerId: string; peerId?: string };
  "consumer-closed": { consumerId: string };
  "peer-joined": { peer: PeerInfo };
  "peer-left": { peerId: string };
  "peer-updated": { peer: PeerInfo };
  "chat-message": { peerId: string; displayName: string; text: string; time: number | string };
  reaction: { peerId: string; reaction: ReactionName };
  "consumer-score": { consumerId: string; score: ConsumerScore };
  "consumer-layers-changed": { consumerId: string; layers?: Layers };
  "producer-score": { producerId: string; score: { score: number }[] };
  "producer-wanted-encodings": { producerId: string; encodings: boolean[] };
  "downlink-bandwidth": { transportId: string } & Downlink;
  "active-speaker": { peerId: string | null };
  "audio-levels": { levels: AudioLevel[] };
  "room-closed": { reason?: string };
  "room-updated": { locked: boolean };
  "producer-muted": { producerId: string };
  /** Without a time: called off. */
  "server-draining": { remainingS?: number };
}
