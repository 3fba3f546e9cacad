// @ts-check
// One websocket per page: JSON messages, reconnects with growing random delay, resumes by sequence number.

/**
 * @typedef {object} SocketOptions
 * @property {(message: any) => void} onMessage
 * @property {(state: "connecting" | "live" | "lost") => void} onState
 */

/**
 * @param {string} path
 * @param {SocketOptions} options
 */
export function openSocket(path, { onMessage, onState }) {
  /** @type {WebSocket | null} */
  let socket = null;
  let lastSeq = 0;
  let session = "";
  let tries = 0;
  let closed = false;
  /** @type {any[]} */
  const unsent = [];

  function connect() {
    onState("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${path}`);
    socket.onopen = () => {
      tries = 0;
      socket?.send(JSON.stringify({ type: "hello", last_seq: lastSeq, session }));
      for (const message of unsent.splice(0)) socket?.send(JSON.stringify(message));
      onState("live");
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "welcome") session = message.session;
      if (typeof message.seq === "number") lastSeq = message.seq;
      onMessage(message);
    };
    socket.onclose = () => {
      if (closed) return;
      onState("lost");
      tries += 1;
      setTimeout(connect, Math.min(10_000, 300 * 2 ** Math.min(tries, 5)) * (0.5 + Math.random()));
    };
  }
  connect();

  return {
    /** Sends now, or as soon as the line is open again. @param {any} message */
    send(message) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
      else if (unsent.length < 100) unsent.push(message);
    },
    close() {
      closed = true;
      socket?.close();
    },
  };
}
