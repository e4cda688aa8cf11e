// What the vectors are made from: router codecs, browsers' native capabilities, producers, and H.264 parameters.
// Written by hand after what current browsers offer; shortened to what decides a result.

const VIDEO_FEEDBACK = [
  { type: 'goog-remb' },
  { type: 'transport-cc' },
  { type: 'ccm', parameter: 'fir' },
  { type: 'nack' },
  { type: 'nack', parameter: 'pli' },
];
const AUDIO_EXTENSIONS = {
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level': 14,
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time': 2,
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01': 3,
  'urn:ietf:params:rtp-hdrext:sdes:mid': 4,
};
const VIDEO_EXTENSIONS = {
  'urn:ietf:params:rtp-hdrext:toffset': 1,
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time': 2,
  'urn:3gpp:video-orientation': 13,
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01': 3,
  'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay': 5,
  'http://www.webrtc.org/experiments/rtp-hdrext/video-content-type': 6,
  'urn:ietf:params:rtp-hdrext:sdes:mid': 4,
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id': 10,
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id': 11,
};
const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
const DEPENDENCY_DESCRIPTOR =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

const opus = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 };
const multiopus = { kind: 'audio', mimeType: 'audio/multiopus', clockRate: 48000 };
const vp8 = { kind: 'video', mimeType: 'video/VP8', clockRate: 90000 };
const vp9 = { kind: 'video', mimeType: 'video/VP9', clockRate: 90000 };
const av1 = { kind: 'video', mimeType: 'video/AV1', clockRate: 90000 };
const h264 = (profile, mode, more = {}) => ({
  kind: 'video',
  mimeType: 'video/H264',
  clockRate: 90000,
  parameters: { 'level-asymmetry-allowed': 1, 'packetization-mode': mode, 'profile-level-id': profile, ...more },
});
const withParameters = (codec, parameters) => ({ ...codec, parameters });
const repeat = (codec, count) => Array.from({ length: count }, () => codec);

export const mediaCodecs = {
  none: [],
  'opus only': [opus],
  'opus mono is unknown': [{ ...opus, channels: 1 }],
  'opus without channels is unknown': [{ kind: 'audio', mimeType: 'audio/opus', clockRate: 48000 }],
  'opus with parameters': [withParameters(opus, { useinbandfec: 1, usedtx: 1, foo: 'bar' })],
  'call application': [
    opus,
    withParameters(vp8, { 'x-google-start-bitrate': 1000 }),
    withParameters(vp9, { 'profile-id': 0, 'x-google-start-bitrate': 1000 }),
    withParameters(vp9, { 'profile-id': 2 }),
    h264('42e01f', 1),
    h264('4d0032', 1),
    av1,
  ],
  'opus and vp8': [opus, vp8],
  'legacy telephony': [
    { mimeType: 'audio/PCMU', clockRate: 8000 },
    { mimeType: 'audio/PCMA', clockRate: 8000 },
    { mimeType: 'audio/G722', clockRate: 8000 },
    { mimeType: 'audio/telephone-event', clockRate: 8000 },
    { mimeType: 'audio/telephone-event', clockRate: 48000 },
    { mimeType: 'audio/CN', clockRate: 16000 },
    { mimeType: 'audio/iLBC', clockRate: 8000 },
    { mimeType: 'audio/SILK', clockRate: 12000 },
    { mimeType: 'audio/ISAC', clockRate: 32000 },
  ],
  'comfort noise twice has one payload type': [
    { mimeType: 'audio/CN', clockRate: 16000 },
    { mimeType: 'audio/CN', clockRate: 8000 },
  ],
  'surround sound': [
    withParameters({ ...multiopus, channels: 4 }, { num_streams: 2, coupled_streams: 2 }),
    withParameters({ ...multiopus, channels: 6 }, {
      channel_mapping: '0,4,1,2,3,5', num_streams: 4, coupled_streams: 2,
    }),
    withParameters({ ...multiopus, channels: 8 }, { num_streams: 5, coupled_streams: 3, extra: 'kept' }),
  ],
  'surround sound with other streams': [
    withParameters({ ...multiopus, channels: 6 }, { num_streams: 3, coupled_streams: 2 }),
  ],
  'surround sound without streams': [{ ...multiopus, channels: 6 }],
  'H264 in all ways': [
    h264('42e01f', 1), h264('42e01f', 0), h264('42001f', 1), h264('4d001f', 1), h264('640c1f', 1),
    h264('64001f', 1), { ...h264('42e01f', 1), parameters: {} }, h264('42e01f', '1'),
  ],
  'H264 without asymmetry': [h264('42e01f', 1, { 'level-asymmetry-allowed': 0 })],
  'H264 odd profile text is kept': [h264('zzzzzz', 1), h264(420029, 1)],
  'VP9 profiles': [vp9, withParameters(vp9, { 'profile-id': 2 }), withParameters(vp9, { 'profile-id': '2' })],
  'AV1 and screen sharing': [av1, withParameters(vp8, {})],
  'lower case names': [
    { ...opus, mimeType: 'AUDIO/OPUS', kind: 'video' },
    { ...vp8, mimeType: 'video/vp8' },
  ],
  'fixed payload types': [
    { ...opus, preferredPayloadType: 111 },
    { ...vp8, preferredPayloadType: 100 },
    { ...vp9, preferredPayloadType: 0 },
    { ...av1, preferredPayloadType: 35 },
  ],
  'fixed payload type collides with the next dynamic one': [opus, { ...vp8, preferredPayloadType: 100 }],
  'fixed payload type collides with an earlier RTX': [vp8, { ...vp9, preferredPayloadType: 101 }],
  'duplicate fixed payload types': [
    { ...opus, preferredPayloadType: 111 },
    { ...vp8, preferredPayloadType: 111 },
  ],
  'duplicate codecs': [vp8, vp8, opus, opus],
  'audio until the payload types wrap': repeat(opus, 32),
  'audio beyond the payload types': repeat(opus, 33),
  'video until the payload types wrap': repeat(vp8, 16),
  'video beyond the payload types': repeat(vp8, 17),
  'RTX runs out': [...repeat(opus, 31), vp8],
  'more than 27 dynamic': [...repeat(opus, 4), ...repeat(vp8, 12)],
  'unknown codec': [{ mimeType: 'audio/chicken', clockRate: 8000, channels: 4 }],
  'RTX given by hand': [{ mimeType: 'video/rtx', clockRate: 90000, parameters: { apt: 101 } }],
  'wrong clock rate': [{ ...vp8, clockRate: 48000 }],
  'video with channels': [{ ...vp8, channels: 3 }],
  'feedback is ours': [{ ...vp8, rtcpFeedback: [{ type: 'nack', parameter: 'pli' }] }],
  'no MIME type': [{ kind: 'audio', clockRate: 48000 }],
  'bad MIME type': [{ mimeType: 'text/plain', clockRate: 48000 }],
  'MIME type without a name': [{ mimeType: 'audio/', clockRate: 48000 }],
  'payload type as text': [{ ...opus, preferredPayloadType: '111' }],
  'payload type null': [{ ...opus, preferredPayloadType: null }],
  'clock rate as text': [{ ...opus, clockRate: '48000' }],
  'channels as text become one': [{ ...opus, channels: '2' }],
  'parameter true': [withParameters(opus, { useinbandfec: true })],
  'parameter null': [withParameters(opus, { useinbandfec: null })],
  'parameter object': [withParameters(opus, { a: { b: 1 } })],
  'apt as text': [withParameters(vp8, { apt: '96' })],
  'parameters as text': [withParameters(opus, 'useinbandfec=1')],
  'feedback without type': [{ ...opus, rtcpFeedback: [{ parameter: 'pli' }] }],
  'feedback as text': [{ ...opus, rtcpFeedback: ['nack'] }],
  'feedback as object is ignored': [{ ...opus, rtcpFeedback: { type: 'nack' } }],
  'an entry that is text': ['audio/opus'],
  'an object': { opus },
  text: 'audio/opus',
};

// --- browsers -----------------------------------------------------------------------------------------------------

const capability = (kind, name, preferredPayloadType, clockRate, more = {}) => ({
  kind,
  mimeType: `${kind}/${name}`,
  preferredPayloadType,
  clockRate,
  rtcpFeedback: kind === 'video' ? VIDEO_FEEDBACK : [],
  parameters: {},
  ...more,
});
const rtx = (preferredPayloadType, apt) => ({
  kind: 'video',
  mimeType: 'video/rtx',
  preferredPayloadType,
  clockRate: 90000,
  rtcpFeedback: [],
  parameters: { apt },
});
const withRtx = (name, payloadType, rtxPayloadType, parameters = {}, feedback = VIDEO_FEEDBACK) => [
  capability('video', name, payloadType, 90000, { parameters, rtcpFeedback: feedback }),
  rtx(rtxPayloadType, payloadType),
];
const extensions = (audio, video) => [
  ...Object.entries(audio).map(([uri, preferredId]) => ({ kind: 'audio', uri, preferredId })),
  ...Object.entries(video).map(([uri, preferredId]) => ({ kind: 'video', uri, preferredId })),
];
const h264Parameters = (profile, mode) => ({
  'level-asymmetry-allowed': 1, 'packetization-mode': mode, 'profile-level-id': profile,
});

const chromeOpus = capability('audio', 'opus', 111, 48000, {
  channels: 2,
  parameters: { minptime: 10, useinbandfec: 1 },
  rtcpFeedback: [{ type: 'transport-cc' }],
});

export const browsers = {
  chrome: {
    codecs: [
      chromeOpus,
      capability('audio', 'red', 63, 48000, { channels: 2, parameters: {} }),
      capability('audio', 'G722', 9, 8000, { channels: 1 }),
      capability('audio', 'PCMU', 0, 8000, { channels: 1 }),
      capability('audio', 'PCMA', 8, 8000, { channels: 1 }),
      capability('audio', 'CN', 13, 8000, { channels: 1 }),
      capability('audio', 'telephone-event', 110, 48000, { channels: 1 }),
      capability('audio', 'telephone-event', 126, 8000, { channels: 1 }),
      ...withRtx('VP8', 96, 97),
      ...withRtx('H264', 103, 104, h264Parameters('42001f', 1)),
      ...withRtx('H264', 107, 108, h264Parameters('42001f', 0)),
      ...withRtx('H264', 109, 114, h264Parameters('42e01f', 1)),
      ...withRtx('H264', 115, 116, h264Parameters('42e01f', 0)),
      ...withRtx('H264', 117, 118, h264Parameters('4d001f', 1)),
      ...withRtx('AV1', 45, 46, { 'level-idx': 5, profile: 0, tier: 0 }),
      ...withRtx('VP9', 98, 99, { 'profile-id': 0 }),
      ...withRtx('VP9', 100, 101, { 'profile-id': 2 }),
      ...withRtx('H264', 123, 119, h264Parameters('64001f', 1)),
      capability('video', 'red', 49, 90000, { rtcpFeedback: [] }),
      capability('video', 'ulpfec', 51, 90000, { rtcpFeedback: [] }),
      capability('video', 'flexfec-03', 35, 90000, { parameters: { 'repair-window': 10000000 } }),
    ],
    headerExtensions: extensions(AUDIO_EXTENSIONS, { ...VIDEO_EXTENSIONS, [DEPENDENCY_DESCRIPTOR]: 8 }),
  },
  firefox: {
    codecs: [
      capability('audio', 'opus', 109, 48000, {
        channels: 2, parameters: { 'maxplaybackrate': 48000, stereo: 1, useinbandfec: 1 },
      }),
      capability('audio', 'G722', 9, 8000, { channels: 1 }),
      capability('audio', 'PCMU', 0, 8000),
      capability('audio', 'PCMA', 8, 8000),
      capability('audio', 'telephone-event', 101, 8000, { parameters: { '0-15': '' } }),
      ...withRtx('VP8', 120, 124, { 'max-fs': 12288, 'max-fr': 60 }),
      ...withRtx('VP9', 121, 125, { 'max-fs': 12288, 'max-fr': 60 }),
      ...withRtx('H264', 126, 127, h264Parameters('42e01f', 1)),
      ...withRtx('H264', 97, 98, { 'level-asymmetry-allowed': 1, 'profile-level-id': '42e01f' }),
      ...withRtx('AV1', 99, 100),
    ],
    headerExtensions: extensions(
      { 'urn:ietf:params:rtp-hdrext:ssrc-audio-level': 1, 'urn:ietf:params:rtp-hdrext:csrc-audio-level': 2,
        'urn:ietf:params:rtp-hdrext:sdes:mid': 3 },
      { 'urn:ietf:params:rtp-hdrext:sdes:mid': 3,
        'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time': 4,
        'urn:ietf:params:rtp-hdrext:toffset': 5,
        'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay': 6,
        'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01': 7 },
    ),
  },
  safari: {
    codecs: [
      chromeOpus,
      capability('audio', 'G722', 9, 8000, { channels: 1 }),
      ...withRtx('H264', 96, 97, h264Parameters('640c1f', 1)),
      ...withRtx('H264', 98, 99, h264Parameters('42e01f', 1)),
      ...withRtx('H264', 100, 101, h264Parameters('640c1f', 0)),
      ...withRtx('VP8', 104, 105),
      ...withRtx('VP9', 106, 107, { 'profile-id': 0 }),
    ],
    headerExtensions: extensions(AUDIO_EXTENSIONS, { ...VIDEO_EXTENSIONS, [ABS_CAPTURE_TIME]: 12 }),
  },
  'react native': {
    codecs: [
      chromeOpus,
      ...withRtx('VP8', 96, 97),
      ...withRtx('VP9', 98, 99, { 'profile-id': 0 }),
      ...withRtx('H264', 125, 107, h264Parameters('42e01f', 1)),
    ],
    headerExtensions: extensions(AUDIO_EXTENSIONS, VIDEO_EXTENSIONS),
  },
};

// Capabilities as an application might write them, given to the server as they are.
export const plainClients = {
  empty: {},
  'empty lists': { codecs: [], headerExtensions: [] },
  'opus only': { codecs: [{ mimeType: 'audio/opus', clockRate: 48000, channels: 2 }] },
  'video without RTX': {
    codecs: [
      { mimeType: 'video/VP8', clockRate: 90000, rtcpFeedback: VIDEO_FEEDBACK },
      { mimeType: 'video/H264', clockRate: 90000, parameters: h264Parameters('42e034', 1) },
    ],
    headerExtensions: [
      { kind: 'video', uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', preferredId: 4 },
    ],
  },
  'RTX only': { codecs: [rtx(97, 96)], headerExtensions: [] },
  'other extension ids': {
    codecs: [...withRtx('VP8', 96, 97), ...withRtx('VP9', 98, 99, { 'profile-id': 2 }), chromeOpus],
    headerExtensions: extensions(AUDIO_EXTENSIONS, VIDEO_EXTENSIONS),
  },
  'nulls and wrong types': {
    codecs: [{ mimeType: 'audio/opus', clockRate: 48000, channels: null, preferredPayloadType: null }],
    headerExtensions: null,
  },
  'codecs as an object': { codecs: { 0: chromeOpus } },
  'extension without kind': { codecs: [chromeOpus], headerExtensions: [{ uri: 'x', preferredId: 1 }] },
};

// --- producers ----------------------------------------------------------------------------------------------------

const codec = (mimeType, payloadType, clockRate, more = {}) => ({
  mimeType, payloadType, clockRate, parameters: {}, rtcpFeedback: VIDEO_FEEDBACK, ...more,
});
const rtxCodec = (payloadType, apt) => ({
  mimeType: 'video/rtx', payloadType, clockRate: 90000, parameters: { apt }, rtcpFeedback: [],
});
const ids = map => Object.entries(map).map(([uri, id]) => ({ uri, id, encrypt: false, parameters: {} }));
const rtcp = { cname: 'sender-1', reducedSize: true, mux: true };
const audio = (codecs, more = {}) => ({
  kind: 'audio',
  rtpParameters: {
    mid: '0', codecs, headerExtensions: ids(AUDIO_EXTENSIONS), encodings: [{ ssrc: 11111111, dtx: true }], rtcp,
    msid: 'stream-1 track-1', ...more,
  },
});
const video = (codecs, encodings, more = {}) => ({
  kind: 'video',
  rtpParameters: { mid: '1', codecs, headerExtensions: ids(VIDEO_EXTENSIONS), encodings, rtcp, ...more },
});
const opusCodec = codec('audio/opus', 111, 48000, {
  channels: 2, parameters: { minptime: 10, useinbandfec: 1 }, rtcpFeedback: [{ type: 'transport-cc' }],
});
const vp8Codecs = [codec('video/VP8', 96, 90000), rtxCodec(97, 96)];
const h264Codecs = (profile, mode, more = {}) => [
  codec('video/H264', 109, 90000, { parameters: { ...h264Parameters(profile, mode), ...more } }),
  rtxCodec(114, 109),
];
const single = [{ ssrc: 22222222, rtx: { ssrc: 22222223 } }];
const byRid = mode => ['r0', 'r1', 'r2'].map((rid, index) => ({
  active: true, rid, scalabilityMode: mode, scaleResolutionDownBy: 4 >> index, dtx: false,
  maxBitrate: 100000 * 3 ** index,
}));
const bySsrc = [1, 2, 3].map(n => ({ ssrc: 30000000 + n, rtx: { ssrc: 40000000 + n }, maxBitrate: n * 300000 }));

export const producers = {
  'opus audio': audio([opusCodec]),
  'opus audio with red': audio([opusCodec, codec('audio/red', 63, 48000, { channels: 2 })]),
  'opus without cname, msid, extensions': audio([opusCodec], {
    rtcp: {}, msid: undefined, headerExtensions: undefined,
  }),
  'opus without encodings': audio([opusCodec], { encodings: undefined }),
  'opus with capture time': audio([opusCodec], { headerExtensions: ids({ [ABS_CAPTURE_TIME]: 9 }) }),
  'opus reduced size false': audio([opusCodec], { rtcp: { cname: 'a', reducedSize: false } }),
  'PCMU audio': audio([codec('audio/PCMU', 0, 8000, { rtcpFeedback: [] })]),
  'surround sound': audio([codec('audio/multiopus', 120, 48000, {
    channels: 6, parameters: { channel_mapping: '0,4,1,2,3,5', num_streams: 4, coupled_streams: 2 },
  })]),
  'VP8 single': video(vp8Codecs, single),
  'VP8 single with bitrate': video(vp8Codecs, [{ ...single[0], maxBitrate: 1500000 }]),
  'VP8 without RTX': video(vp8Codecs.slice(0, 1), [{ ssrc: 22222222 }]),
  'VP8 without encodings': video(vp8Codecs, []),
  'VP8 simulcast by rid': video(vp8Codecs, byRid('L1T3')),
  'VP8 simulcast by rid, no modes': video(vp8Codecs, byRid(undefined)),
  'VP8 simulcast by ssrc': video(vp8Codecs, bySsrc),
  'VP8 simulcast, mode on the second': video(vp8Codecs, [{ rid: 'a' }, { rid: 'b', scalabilityMode: 'L1T2' }]),
  'VP8 temporal layers': video(vp8Codecs, [{ ...single[0], scalabilityMode: 'L1T3' }]),
  'VP8 in lower case': video([{ ...vp8Codecs[0], mimeType: 'video/vp8' }, rtxCodec(97, 96)], single),
  'VP8 and VP9 in one': video(
    [...vp8Codecs, codec('video/VP9', 98, 90000, { parameters: { 'profile-id': 0 } }), rtxCodec(99, 98)],
    [{ ...single[0], codecPayloadType: 98 }],
  ),
  'RTX before its codec': video([...vp8Codecs].reverse(), single),
  'encrypted extension': video(vp8Codecs, single, { headerExtensions: [{ uri: 'urn:x', id: 20, encrypt: true }] }),
  'unknown members stay': video([{ ...vp8Codecs[0], foo: 1 }], [{ ssrc: 5, bar: [1, { baz: 2 }] }]),
  'VP9 SVC': video([codec('video/VP9', 98, 90000, { parameters: { 'profile-id': 0 } }), rtxCodec(99, 98)],
    [{ ...single[0], scalabilityMode: 'L3T3_KEY' }]),
  'VP9 profile 2': video([codec('video/VP9', 100, 90000, { parameters: { 'profile-id': 2 } })], single),
  'VP9 profile as text': video([codec('video/VP9', 100, 90000, { parameters: { 'profile-id': '2' } })], single),
  'VP9 profile 1': video([codec('video/VP9', 100, 90000, { parameters: { 'profile-id': 1 } })], single),
  'AV1 SVC': video([codec('video/AV1', 45, 90000, { parameters: { profile: 0 } }), rtxCodec(46, 45)],
    [{ ...single[0], scalabilityMode: 'L3T3' }], { headerExtensions: ids({ [DEPENDENCY_DESCRIPTOR]: 8 }) }),
  'AV1 simulcast streams in one': video([codec('video/AV1', 45, 90000)], [{ ssrc: 7, scalabilityMode: 'S3T3h' }]),
  'H264 single': video(h264Codecs('42e01f', 1), single),
  'H264 higher level': video(h264Codecs('42e034', 1), single),
  'H264 higher level without asymmetry': video(
    h264Codecs('42e034', 1, { 'level-asymmetry-allowed': 0 }), single),
  'H264 lower level without asymmetry': video(
    h264Codecs('42e00c', 1, { 'level-asymmetry-allowed': 0 }), single),
  'H264 level 1b': video(h264Codecs('42f00b', 1), single),
  'H264 without profile': video([codec('video/H264', 109, 90000, { parameters: { 'packetization-mode': 1 } })], single),
  'H264 main': video(h264Codecs('4d001f', 1), single),
  'H264 high': video(h264Codecs('64001f', 1), single),
  'H264 mode 0': video(h264Codecs('42e01f', 0), single),
  'H264 mode as text': video(h264Codecs('42e01f', '1'), single),
  'H264 profile in capitals': video(h264Codecs('42E01F', 1), single),
  'H264 profile as number': video(h264Codecs(420029, 1), single),
  'H264 simulcast by rid': video(h264Codecs('42e01f', 1), byRid('L1T2')),
  'no codecs': video([], single),
  'unknown codec': video([codec('video/chicken', 96, 90000)], single),
  'opus mono': audio([{ ...opusCodec, channels: 1 }]),
  'opus channels missing': audio([{ ...opusCodec, channels: undefined }]),
  'RTX without apt': video([vp8Codecs[0], { ...rtxCodec(97, 96), parameters: {} }], single),
  'RTX for nothing': video([vp8Codecs[0], rtxCodec(97, 98)], single),
  'RTX for audio': audio([opusCodec, { ...rtxCodec(112, 111), mimeType: 'audio/rtx', clockRate: 48000 }]),
};

// --- the rest -----------------------------------------------------------------------------------------------------

export const sctpStreams = [
  undefined, null, 'x', {}, { streamId: '1' }, { streamId: 0 }, { streamId: 1, ordered: true },
  { streamId: 1, ordered: false }, { streamId: 1, ordered: null }, { streamId: 1, maxRetransmits: 3 },
  { streamId: 1, maxPacketLifeTime: 3000 }, { streamId: 1, maxPacketLifeTime: 3000, maxRetransmits: 3 },
  { streamId: 1, ordered: true, maxRetransmits: 3 }, { streamId: 1, ordered: false, maxPacketLifeTime: 10 },
  { streamId: 1, maxRetransmits: 0 }, { streamId: 1, ordered: true, maxRetransmits: 0, maxPacketLifeTime: 0 },
  { streamId: 1, maxRetransmits: '3' }, { streamId: 1, maxPacketLifeTime: {} },
  { streamId: 1, maxPacketLifeTime: null, maxRetransmits: null }, { streamId: 1, ordered: 1, maxRetransmits: 1 },
];

const profileIds = [
  undefined, '', '42e01f', '42E01F', '42e00b', '42f00b', '42100b', '42001f', '420034', '4d001f', '4d100b', '4d801f',
  '4da01f', '58c01f', '58801f', '58e01f', '64001f', '640c1f', '64081f', '640032', 'f4001f', '42e00a', '42e00c',
  '42e009', '000000', '42e0', '42e01f0', 'zz001f', 'ffffff', 420029,
];
export const h264Pairs = profileIds.flatMap(a => profileIds.map(b => [a, b]));

// Every member of this producer is replaced by every one of these values, one at a time.
export const mutationValues = [null, true, false, 0, 1.5, -1, '', 'x', [], ['x'], {}, { x: 1 }];
export const mutationBase = {
  params: {
    mid: 'm', codecs: [{ ...vp8Codecs[0], rtcpFeedback: [{ type: 'nack', parameter: 'pli' }] }, rtxCodec(97, 96)],
    headerExtensions: [{ uri: 'urn:x', id: 3, encrypt: false, parameters: { a: 1 } }],
    encodings: [{ ssrc: 9, rid: 'r', rtx: { ssrc: 10 }, dtx: false, scalabilityMode: 'L1T1' }],
    rtcp: { cname: 'c', reducedSize: true }, msid: 's t',
  },
  caps: {
    codecs: [chromeOpus],
    headerExtensions: [{ kind: 'audio', uri: 'urn:x', preferredId: 3, preferredEncrypt: false, direction: 'sendrecv' }],
  },
};
