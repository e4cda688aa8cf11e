// socket.io-client in the namespace /call, with requests that resolve with the acknowledgement.

import { io } from 'socket.io-client';

/** A connected socket; `ask` rejects with the text of an error in the answer, `welcome` is connection-success. */
export async function open(url) {
  const socket = io(`${url}/call`, { transports: ['websocket'], reconnection: false, forceNew: true });
  const welcome = await new Promise((done, fail) => {
    socket.once('connection-success', done);
    socket.once('connect_error', fail);
  });
  const ask = async (event, ...payload) => {
    const answer = await socket.timeout(10_000).emitWithAck(event, ...payload);
    const error = answer?.error ?? answer?.params?.error;
    if (error) throw new Error(`${event}: ${error.message ?? error}`);
    return answer?.params ?? answer;
  };
  return { socket, ask, welcome };
}
