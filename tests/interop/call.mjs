// Two people with mediasoup-client on libwebrtc (@roamhq/wrtc): pictures and sound both ways through the server.
//
// One send and one receive transport each, as an application of today does it. Arguments: the server, the room, the
// name of mediasoup-client's handler, and the DTLS role that the clients shall take for sending. (For receiving they
// are always clients: mediasoup-client offers itself "actpass" whatever the server says.)

import { WIDTH, main, camera, microphone, until, watch } from './wrtc_media.mjs';
import { Device } from 'mediasoup-client';
import { open } from './socket.mjs';

const [url, roomName, handlerName, dtlsRole] = process.argv.slice(2);
const ENCODINGS = [
  { maxBitrate: 100_000, scaleResolutionDownBy: 4 },
  { maxBitrate: 300_000, scaleResolutionDownBy: 2 },
  { maxBitrate: 900_000, scaleResolutionDownBy: 1 },
];

class Person {
  constructor(name) {
    this.name = name;
    this.seen = {};
    this.consumers = {};
    this.roles = {};
    this.layers = [];
  }

  async join() {
    Object.assign(this, await open(url));
    const joined = await this.ask('joinRoom', { roomName, displayName: this.name });
    this.device = new Device({ handlerName });
    await this.device.load({ routerRtpCapabilities: joined.rtpCapabilities });
    this.socket.on('consumer-layers-changed', (message) => this.layers.push(message));
    this.sending = await this.transport(false);
    this.receiving = await this.transport(true);
  }

  async transport(consumer) {
    const options = await this.ask('createWebRtcTransport', { consumer });
    // The server says auto, which makes clients of them all; a client that reads "client" insists on "server".
    if (dtlsRole === 'server' && !consumer) options.dtlsParameters.role = 'client';
    const made = consumer
      ? this.device.createRecvTransport(options)
      : this.device.createSendTransport(options);
    made.on('connect', ({ dtlsParameters }, done, fail) => {
      this.roles[consumer ? 'receive' : 'send'] = dtlsParameters.role;
      const event = consumer ? 'transport-recv-connect' : 'transport-connect';
      const id = consumer ? { serverConsumerTransportId: made.id } : { transportId: made.id };
      this.ask(event, { dtlsParameters, ...id }).then(() => done(), fail);
    });
    made.on('produce', ({ kind, rtpParameters, appData }, done, fail) => {
      this.ask('transport-produce', { transportId: made.id, kind, rtpParameters, appData }).then(done, fail);
    });
    return made;
  }

  async publish(luma) {
    this.audio = await this.sending.produce({ track: microphone() });
    this.video = await this.sending.produce({ track: camera({ luma }), encodings: ENCODINGS });
  }

  async watchOthers() {
    for (const remoteProducerId of await this.ask('getProducers')) {
      const answer = await this.ask('consume', {
        rtpCapabilities: this.device.recvRtpCapabilities,
        remoteProducerId,
        serverConsumerTransportId: this.receiving.id,
      });
      const consumer = await this.receiving.consume(answer);
      this.consumers[consumer.kind] = consumer;
      this.seen[consumer.kind] = watch(consumer.track);
      await this.ask('consumer-resume', { serverConsumerId: consumer.id });
    }
  }

  async flows(what) {
    const { audio, video } = this.seen;
    const [pictures, sounds] = [video.frames, audio.frames];
    await until(
      `${what}: ${this.name} has ${video.frames} pictures, ${audio.frames} sounds`,
      () => video.frames >= pictures + 10 && audio.frames >= sounds + 20,
    );
  }

  async restartIce() {
    for (const one of [this.sending, this.receiving]) {
      const { iceParameters } = await this.ask('restart-ice', { transportId: one.id });
      await one.restartIce({ iceParameters });
    }
  }

  report() {
    return {
      roles: this.roles,
      video: this.seen.video,
      audio: this.seen.audio,
      encodings: this.video.rtpParameters.encodings,
      states: [this.sending.connectionState, this.receiving.connectionState],
      layers: this.layers,
    };
  }
}

await main(async () => {
  const [alice, bob] = [new Person('Alice'), new Person('Bob')];
  await Promise.all([alice.join(), bob.join()]);
  await alice.publish(80);
  await bob.publish(200);
  await Promise.all([alice.watchOthers(), bob.watchOthers()]);
  await Promise.all([alice.flows('at first'), bob.flows('at first')]);

  await Promise.all([alice.restartIce(), bob.restartIce()]);
  await Promise.all([alice.flows('after the ICE restart'), bob.flows('after the ICE restart')]);

  // Alice goes down to the smallest of Bob's layers and up again; her track goes on.
  await alice.ask('consumer-set-preferred-layers', {
    consumerId: alice.consumers.video.id,
    spatialLayer: 0,
    temporalLayer: 0,
  });
  const small = WIDTH / 4;
  await until('the smallest layer', () => alice.seen.video.width === small);
  await alice.ask('consumer-set-preferred-layers', {
    consumerId: alice.consumers.video.id,
    spatialLayer: 2,
    temporalLayer: 2,
  });
  await until('the largest layer', () => alice.seen.video.width === WIDTH);

  await bob.ask('producer-pause', { producerId: bob.video.id });
  bob.video.pause();
  await bob.ask('producer-resume', { producerId: bob.video.id });
  bob.video.resume();
  await alice.flows('after pause and resume');

  const reports = { alice: alice.report(), bob: bob.report() };
  for (const person of [alice, bob]) {
    person.sending.close();
    person.receiving.close();
    person.socket.disconnect();
  }
  return reports;
});
