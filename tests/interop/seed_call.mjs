// The client of the seed application: exactly the events and habits of part 1 of the signaling contract.
//
// mediasoup-client on libwebrtc (@roamhq/wrtc) in place of a browser. One SeedClient is one browser tab. Where
// the original reads an answer without looking for an error, so does this. In particular it
// - runs the whole join on every connection-success;
// - makes one receive transport for each remote producer, asked for without a room name;
// - consumes before that transport is connected, and its consume() ends only when transport-recv-connect is
//   acknowledged;
// - calls getProducers after each produce whose answer had producersExist, and filters nothing but what it has;
// - looks an id of producer-closed up among its consumers without asking whether it is there;
// - resumes without asking for an answer, and leaves by disconnecting.

import { HEIGHT, WIDTH, camera, main, microphone, until, watch } from './wrtc_media.mjs';
import { Device } from 'mediasoup-client';
import { io } from 'socket.io-client';

const [url, people] = process.argv.slice(2);
const ROOM = 'seed room';
const ENCODINGS = [
  { rid: 'r0', maxBitrate: 100_000, scalabilityMode: 'S1T3' },
  { rid: 'r1', maxBitrate: 300_000, scalabilityMode: 'S1T3' },
  { rid: 'r2', maxBitrate: 900_000, scalabilityMode: 'S1T3' },
];

class SeedClient {
  constructor(name, luma) {
    this.name = name;
    this.luma = luma;
    this.joins = 0;
    this.errors = [];
    this.announced = [];
    this.closed = [];
    this.sent = [];
    this.everConsumed = [];
    this.reset();
    this.socket = io(`${url}/call`, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    this.socket.on('connection-success', ({ socketId }) => {
      this.socketId = socketId;
      this.reset();
      this.join();
    });
    this.socket.on('new-producer', ({ producerId }) => {
      this.announced.push(producerId);
      this.guard(this.watchProducer(producerId));
    });
    this.socket.on('producer-closed', ({ remoteProducerId }) => {
      this.closed.push(remoteProducerId);
      try {
        const gone = this.consumers.find((one) => one.producerId === remoteProducerId);
        gone.transport.close();
        gone.consumer.close();
        gone.seen.stop();
        this.consumers = this.consumers.filter((one) => one.producerId !== remoteProducerId);
      } catch (error) {
        this.errors.push(`producer-closed: ${error.message}`);
      }
    });
  }

  reset() {
    this.sending?.close();
    for (const { transport, seen } of this.consumers ?? []) {
      transport.close();
      seen.stop();
    }
    this.consumers = [];
    this.watching = new Set();
    this.own = [];
    this.producersExist = [];
  }

  join() {
    this.joins += 1;
    this.socket.emit('joinRoom', { roomName: ROOM }, ({ rtpCapabilities }) =>
      this.guard(this.begin(rtpCapabilities)),
    );
  }

  async begin(routerRtpCapabilities) {
    this.device = new Device({ handlerName: 'Chrome111' });
    await this.device.load({ routerRtpCapabilities });
    this.socket.emit('createWebRtcTransport', { consumer: false, roomName: ROOM }, ({ params }) =>
      this.guard(this.send(params)),
    );
  }

  async send(params) {
    const sending = this.device.createSendTransport(params);
    this.sending = sending;
    sending.on('connect', ({ dtlsParameters }, done) => {
      this.socket.emit('transport-connect', { dtlsParameters, transportId: sending.id }, () => {});
      done();
    });
    sending.on('produce', ({ kind, rtpParameters, appData }, done) => {
      // Today's browsers have no SSRC lines for simulcast, and so no CNAME; this libwebrtc still has.
      if (kind === 'video') rtpParameters.rtcp.cname = '';
      this.sent.push({ kind, cname: rtpParameters.rtcp.cname, encodings: rtpParameters.encodings });
      this.socket.emit('transport-produce', { kind, rtpParameters, appData }, ({ id, producersExist }) => {
        done({ id });
        this.own.push(id);
        this.producersExist.push(producersExist);
        if (producersExist) this.getProducers();
      });
    });
    await sending.produce({ track: microphone(), appData: { mediaTag: 'audio' } });
    await sending.produce({
      track: camera({ luma: this.luma, width: WIDTH, height: HEIGHT }),
      encodings: structuredClone(ENCODINGS),
      codecOptions: { videoGoogleStartBitrate: 1000 },
      appData: { mediaTag: 'video' },
    });
  }

  getProducers() {
    this.socket.emit('getProducers', (ids) => {
      for (const id of ids) this.guard(this.watchProducer(id));
    });
  }

  async watchProducer(remoteProducerId) {
    if (this.watching.has(remoteProducerId)) return;
    this.watching.add(remoteProducerId);
    const { params } = await this.socket.emitWithAck('createWebRtcTransport', { consumer: true });
    const transport = this.device.createRecvTransport(params);
    transport.on('connect', ({ dtlsParameters }, done, fail) => {
      const request = { dtlsParameters, serverConsumerTransportId: params.id };
      this.socket.emitWithAck('transport-recv-connect', request).then(() => done(), fail);
    });
    const answer = await this.socket.emitWithAck('consume', {
      rtpCapabilities: this.device.rtpCapabilities,
      remoteProducerId,
      serverConsumerTransportId: params.id,
    });
    const { id, producerId, kind, rtpParameters, serverConsumerId } = answer.params;
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters });
    this.everConsumed.push(producerId);
    this.consumers.push({ transport, consumer, producerId, kind, seen: watch(consumer.track) });
    this.socket.emit('consumer-resume', { serverConsumerId });
  }

  leave() {
    this.socket.disconnect();
    this.reset();
  }

  /** Waits until it sees and hears everybody of `others`, and nothing else. */
  async sees(what, others) {
    const wanted = new Set(others.flatMap((one) => one.own));
    await until(`${what}: streams for ${this.name}`, () => {
      const ids = this.consumers.map((one) => one.producerId);
      return ids.length === 2 * others.length && ids.every((id) => wanted.has(id));
    });
    const before = new Map(this.consumers.map((one) => [one, one.seen.frames]));
    await until(`${what}: media for ${this.name}`, () =>
      this.consumers.every((one) => one.seen.frames >= before.get(one) + (one.kind === 'video' ? 5 : 20)),
    );
    const lumas = others.map((one) => one.luma);
    await until(`${what}: the right pictures for ${this.name}`, () => {
      const shown = this.consumers.filter((one) => one.kind === 'video').map((one) => one.seen.luma);
      return lumas.every((luma) => shown.some((one) => Math.abs(one - luma) <= 10));
    });
  }

  report() {
    return structuredClone({
      joins: this.joins,
      errors: this.errors,
      own: this.own,
      announced: this.announced,
      closed: this.closed,
      producersExist: this.producersExist,
      everConsumed: this.everConsumed,
      sent: this.sent,
      receiveTransports: new Set(this.consumers.map((one) => one.transport.id)).size,
      streams: this.consumers.length,
    });
  }

  guard(promise) {
    promise.catch((error) => this.errors.push(error.stack ?? String(error)));
  }
}

async function everybodySees(what, all) {
  await Promise.all(all.map((one) => one.sees(what, all.filter((other) => other !== one))));
}

await main(async () => {
  const all = [];
  for (let n = 0; n < Number(people); n += 1) {
    const one = new SeedClient(`person ${n}`, 60 + 60 * n);
    all.push(one);
    await until(`${one.name} to publish`, () => one.own.length === 2);
  }
  await everybodySees('at first', all);
  const firstReports = all.map((one) => one.report());

  const leaver = all.at(-1);
  const stayers = all.slice(0, -1);
  const gone = [...leaver.own];
  leaver.leave();
  await until('the leaving to be known', () =>
    stayers.every((one) => gone.every((id) => one.closed.includes(id))),
  );
  if (stayers.length > 1) await everybodySees('without the one who left', stayers);

  leaver.socket.connect();
  await until('the re-join', () => leaver.joins === 2 && leaver.own.length === 2);
  await everybodySees('after the re-join', all);

  // The connection is lost without a word; socket.io-client reconnects by itself.
  const lost = all[0];
  const former = [...lost.own];
  lost.socket.io.engine.close();
  await until('the loss to be known', () =>
    all.slice(1).every((one) => former.every((id) => one.closed.includes(id))),
  );
  await until('the reconnect', () => lost.joins === 2 && lost.own.length === 2);
  await everybodySees('after the reconnect', all);

  const reports = all.map((one) => one.report());
  for (const one of all) one.leave();
  return { first: firstReports, last: reports, gone, former };
});
