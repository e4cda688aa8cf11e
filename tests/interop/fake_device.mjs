// The contract alone: mediasoup-client with its own FakeHandler against the signaling server. No media.
//
// FakeHandler takes the DTLS role of the server on its send transport and of the client on its receive transport.

import { Device, FakeHandler, testFakeParameters } from 'mediasoup-client';
import { FakeMediaStreamTrack } from 'fake-mediastreamtrack';
import { open } from './socket.mjs';
import { main, until } from './wrtc_media.mjs';

const [url, roomName] = process.argv.slice(2);

async function join(name) {
  const { socket, ask, welcome } = await open(url);
  const joined = await ask('joinRoom', { roomName, displayName: name });
  const device = new Device({ handlerFactory: FakeHandler.createFactory(testFakeParameters) });
  await device.load({ routerRtpCapabilities: joined.rtpCapabilities });
  return { socket, ask, welcome, joined, device, roles: {} };
}

async function transport(person, consumer) {
  const options = await person.ask('createWebRtcTransport', { consumer, roomName });
  const made = consumer
    ? person.device.createRecvTransport(options)
    : person.device.createSendTransport(options);
  made.on('connect', ({ dtlsParameters }, done, fail) => {
    person.roles[consumer ? 'receive' : 'send'] = dtlsParameters.role;
    const event = consumer ? 'transport-recv-connect' : 'transport-connect';
    const id = consumer ? { serverConsumerTransportId: made.id } : { transportId: made.id };
    person.ask(event, { dtlsParameters, ...id }).then(() => done(), fail);
  });
  made.on('produce', ({ kind, rtpParameters, appData }, done, fail) => {
    person.ask('transport-produce', { transportId: made.id, kind, rtpParameters, appData }).then(done, fail);
  });
  return made;
}

await main(async () => {
  const [alice, bob] = [await join('Alice'), await join('Bob')];
  const announced = [];
  const gone = [];
  bob.socket.on('new-producer', (message) => announced.push(message));
  bob.socket.on('producer-closed', (message) => gone.push(message));

  const sending = await transport(alice, false);
  const audio = await sending.produce({
    track: new FakeMediaStreamTrack({ kind: 'audio' }),
    stopTracks: false,
    appData: { source: 'microphone' },
  });
  const video = await sending.produce({
    track: new FakeMediaStreamTrack({ kind: 'video' }),
    encodings: [{ maxBitrate: 100_000 }, { maxBitrate: 300_000 }, { maxBitrate: 900_000 }],
    appData: { source: 'camera' },
  });
  await until('both announcements', () => announced.length === 2);

  const receiving = await transport(bob, true);
  const consumers = [];
  for (const remoteProducerId of await bob.ask('getProducers')) {
    const answer = await bob.ask('consume', {
      rtpCapabilities: bob.device.recvRtpCapabilities,
      remoteProducerId,
      serverConsumerTransportId: receiving.id,
    });
    consumers.push({ answer, consumer: await receiving.consume(answer) });
    await bob.ask('consumer-resume', { serverConsumerId: answer.serverConsumerId });
  }

  const restarted = {};
  for (const [name, person, one] of [['send', alice, sending], ['receive', bob, receiving]]) {
    const { iceParameters } = await person.ask('restart-ice', { transportId: one.id });
    await one.restartIce({ iceParameters });
    restarted[name] = iceParameters;
  }

  const stats = await alice.ask('get-stats', { producerId: video.id });
  await alice.ask('producer-pause', { producerId: video.id });
  video.pause();
  await alice.ask('producer-close', { producerId: video.id });
  video.close();
  await until('producer-closed', () => gone.length === 1);
  const left = await bob.ask('getProducers');
  receiving.close();
  sending.close();
  alice.socket.disconnect();
  await until('the second producer-closed', () => gone.length === 2);
  const after = await bob.ask('getProducers');
  bob.socket.disconnect();
  return {
    loaded: alice.device.loaded,
    canProduce: ['audio', 'video'].map((kind) => alice.device.canProduce(kind)),
    welcome: alice.welcome,
    sent: { audio: audio.rtpParameters, video: video.rtpParameters },
    ids: { audio: audio.id, video: video.id },
    announced,
    gone,
    consumed: consumers.map(({ answer, consumer }) => ({
      answer,
      id: consumer.id,
      kind: consumer.kind,
      producerId: consumer.producerId,
    })),
    roles: { ...alice.roles, ...bob.roles },
    restarted,
    stats: stats.stats,
    left,
    after,
  };
});
