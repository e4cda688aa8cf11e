// Writes vectors.json: what the real mediasoup package answers to the inputs of vector_inputs.mjs.
//
//   cd tests && npm ci --ignore-scripts && node ortc/generate_vectors.mjs [output file]
//
// JavaScript only: mediasoup's native worker is neither built nor started. Random numbers are replaced by a count, so
// the file is the same on every run. The browsers' capabilities go through mediasoup-client first, as in a real call.

import { createRequire } from 'node:module';
import { writeFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  mediaCodecs, browsers, plainClients, producers, sctpStreams, h264Pairs, mutationBase, mutationValues,
} from './vector_inputs.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, '..', 'node_modules');
const require = createRequire(import.meta.url);

// The count starts anew with every case: the first number drawn is 101,000,000, the second 102,000,000 ...
let draws = 0;
require('node:crypto').randomInt = (low, high) => {
  if (low !== 100_000_000 || high !== 999_999_999) {
    throw new RangeError(`mediasoup's range of random numbers has changed to ${low}..${high}`);
  }
  return 100_000_000 + 1_000_000 * ++draws;
};

const ortc = require(join(modules, 'mediasoup/node/lib/ortc.js'));
const { supportedRtpCapabilities } = require(join(modules, 'mediasoup/node/lib/supportedRtpCapabilities.js'));
const clientOrtc = require(join(modules, 'mediasoup-client/lib/ortc.js'));
const h264 = require(join(modules, 'h264-profile-level-id'));
const version = name => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;

const copy = value => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function outcome(run) {
  draws = 0;
  try {
    return { result: copy(run()) };
  } catch (error) {
    // Where mediasoup stumbles over null or undefined, the engine's text is no contract.
    const stumbled = /^Cannot |is not iterable|is not a function/.test(error.message);
    return { error: error.name, message: stumbled ? undefined : error.message };
  }
}

// mediasoup fills the exported object in when the first router is made: this must stay the first line.
const supported = copy(supportedRtpCapabilities);

const routers = {};
for (const [name, codecs] of Object.entries(mediaCodecs)) {
  routers[name] = { mediaCodecs: codecs, ...outcome(() => ortc.generateRouterRtpCapabilities(copy(codecs))) };
}

function receivingCapabilities(browser, router) {
  const extended = clientOrtc.getExtendedRtpCapabilities(copy(browser), copy(routers[router].result), false);
  return clientOrtc.getRecvRtpCapabilities(extended);
}

const PRODUCING_ROUTERS = ['call application', 'opus and vp8', 'H264 in all ways', 'legacy telephony', 'surround sound'];
const clients = {};
for (const router of PRODUCING_ROUTERS) {
  clients[router] = {};
  for (const [name, browser] of Object.entries(browsers)) {
    clients[router][name] = copy(receivingCapabilities(browser, router));
  }
}

function produce(router, { kind, rtpParameters }) {
  const caps = copy(routers[router].result);
  const params = copy(rtpParameters);
  ortc.validateAndNormalizeRtpParameters(params);
  if (params.encodings.length === 0) {
    params.encodings = [{}]; // as Transport.produce() does
  }
  const rtpMapping = ortc.getProducerRtpParametersMapping(params, caps);
  const consumableRtpParameters = ortc.getConsumableRtpParameters(kind, params, caps, rtpMapping);
  return { rtpParameters: params, rtpMapping, consumableRtpParameters };
}

const produced = [];
const consumed = [];
const piped = [];
for (const router of PRODUCING_ROUTERS) {
  for (const [producer, options] of Object.entries(producers)) {
    const made = outcome(() => produce(router, options));
    produced.push({ router, producer, ...made });
    if (!made.result || (router !== 'call application' && producer.includes('simulcast'))) {
      continue;
    }
    const consumable = made.result.consumableRtpParameters;
    for (const enableRtx of [true, false]) {
      piped.push({
        router, producer, enableRtx,
        ...outcome(() => ortc.getPipeConsumerRtpParameters({ consumableRtpParameters: copy(consumable), enableRtx })),
      });
    }
    for (const [client, caps] of [...Object.entries(clients[router]), ...Object.entries(plainClients)]) {
      const allWays = client === 'chrome' || client === 'other extension ids';
      for (const [enableRtx, pipe] of allWays ? [[true, false], [false, false], [true, true], [false, true]] : [[true, false]]) {
        consumed.push({
          router, producer, client, enableRtx, pipe,
          can: outcome(() => ortc.canConsume(copy(consumable), copy(caps))),
          ...outcome(() => {
            const remoteRtpCapabilities = copy(caps);
            ortc.validateAndNormalizeRtpCapabilities(remoteRtpCapabilities);
            return ortc.getConsumerRtpParameters({
              consumableRtpParameters: copy(consumable), remoteRtpCapabilities, pipe, enableRtx,
            });
          }),
        });
      }
    }
  }
}

const sctp = sctpStreams.map(params => ({
  params: copy(params) ?? null,
  ...outcome(() => {
    const given = copy(params);
    ortc.validateAndNormalizeSctpStreamParameters(given);
    return given;
  }),
}));

// [a, b, asymmetry allowed?, same profile?, answer]
const profiles = [false, true].flatMap(asymmetric => h264Pairs.map(([a, b]) => {
  const local = { 'profile-level-id': a, 'level-asymmetry-allowed': asymmetric ? 1 : undefined };
  const remote = { 'profile-level-id': b, 'level-asymmetry-allowed': asymmetric ? '1' : undefined };
  const same = h264.isSameProfile(local, remote);
  const answer = same ? h264.generateProfileLevelIdStringForAnswer(local, remote) : undefined;
  return [a, b, asymmetric, same, answer];
}));

function paths(value, prefix = []) {
  const own = prefix.length ? [prefix] : [];
  if (value === null || typeof value !== 'object') {
    return own;
  }
  return [...own, ...Object.keys(value).flatMap(key => paths(value[key], [...prefix, key]))];
}

function mutate(base, path, value) {
  const mutated = copy(base);
  const owner = path.slice(0, -1).reduce((object, key) => object[key], mutated);
  owner[path.at(-1)] = value;
  return mutated;
}

const mutations = [];
for (const [what, validate] of [
  ['params', ortc.validateAndNormalizeRtpParameters],
  ['caps', ortc.validateAndNormalizeRtpCapabilities],
]) {
  for (const path of paths(copy(mutationBase[what]))) {
    for (const value of mutationValues) {
      const given = mutate(mutationBase[what], path, copy(value));
      const { error, message } = outcome(() => validate(given));
      mutations.push({ what, path: path.join('/'), value, error, message });
    }
  }
}

// Values that occur again and again are written once, in "shared", and elsewhere as {"$": their index}.
const counts = new Map();
const shared = [];
const indexes = new Map();
const WORTH_SHARING = 60; // characters

function count(value) {
  if (value === null || typeof value !== 'object') {
    return;
  }
  const text = JSON.stringify(value);
  counts.set(text, (counts.get(text) ?? 0) + 1);
  if (counts.get(text) === 1) {
    Object.values(value).forEach(count);
  }
}

function packMembers(value) {
  return Array.isArray(value)
    ? value.map(pack)
    : Object.fromEntries(Object.entries(value).map(([key, member]) => [key, pack(member)]));
}

function pack(value) {
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const text = JSON.stringify(value);
  if (text.length < WORTH_SHARING || counts.get(text) < 2) {
    return packMembers(value);
  }
  if (!indexes.has(text)) {
    const packed = packMembers(value); // parts before the whole: a reader can resolve in one pass
    indexes.set(text, shared.length);
    shared.push(packed);
  }
  return { $: indexes.get(text) };
}

const document = copy({
  packages: {
    mediasoup: version('mediasoup'),
    'mediasoup-client': version('mediasoup-client'),
    'h264-profile-level-id': version('h264-profile-level-id'),
  },
  supported, routers, clients, plainClients, producers, produced, consumed, piped, sctp, profiles, mutationBase,
  mutations,
});
count(document);
const sections = Object.entries(document).map(([name, value]) => [name, packMembers(value)]);
sections.unshift(['shared', shared]);
const line = value => JSON.stringify(value);
const lines = value =>
  Array.isArray(value)
    ? `[\n${value.map(line).join(',\n')}\n]`
    : `{\n${Object.entries(value).map(([key, member]) => `${line(key)}:${line(member)}`).join(',\n')}\n}`;
const text = `{\n${sections.map(([name, value]) => `${line(name)}:${lines(value)}`).join(',\n')}\n}\n`;
writeFileSync(process.argv[2] ?? join(here, 'vectors.json'), text);
