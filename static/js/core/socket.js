// @ts-check
// One websocket per page: JSON messages, reconnects with growing random delay, resumes by sequence number.

/**
 * @typedef {object} SocketOptions
 * @property {(message: any) => void} onMessage
 * @property {(state: "connecting" | "live" | "lost" | "gone") => void} onState
 * @property {() => any} known what the page knows already, for the server to send only the rest
 */

const NOT_YOURS = 4003; // the server knows no cluster for this page: trying again would not help

const MOST_PER_SECOND = 25; // the server closes the line at more than 50, and a busy one hears many at once
const MOST_UNSENT = 1000;

/**
 * @param {string} path
 * @param {SocketOptions} options
 */
export function openSocket(path, { onMessage, onState, known }) {
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
      socket?.send(JSON.stringify({ type: "hello", last_seq: lastSeq, session, ...known() }));
      flush();
      onState("live");
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "welcome") session = message.session;
      if (typeof message.seq === "number") {
        if (message.seq <= lastSeq && message.type !== "welcome") return;
        lastSeq = Math.max(lastSeq, message.seq);
      }
      onMessage(message);
    };
    socket.onclose = (event) => {
      if (closed) return;
      onState(event.code === NOT_YOURS ? "gone" : "lost");
      if (event.code === NOT_YOURS) return undefined;
      tries += 1;
      return setTimeout(connect, Math.min(10_000, 300 * 2 ** Math.min(tries, 5)) * (0.5 + Math.random()));
    };
  }
  /** @type {number[]} */
  const sentAt = [];
  let waiting = 0;

  /** Sends what waits, never more than the server takes in a second. */
  function flush() {
    waiting = 0;
    while (unsent.length && socket?.readyState === WebSocket.OPEN) {
      const now = performance.now();
      while (sentAt.length && now - sentAt[0] > 1000) sentAt.shift();
      if (sentAt.length >= MOST_PER_SECOND) {
        waiting = window.setTimeout(flush, 1000 - (now - sentAt[0]) + 5);
        return;
      }
      sentAt.push(now);
      socket.send(JSON.stringify(unsent.shift()));
    }
  }

  connect();

  return {
    /** Sends now, or as soon as the line is open and the server would listen. @param {any} message */
    send(message) {
      if (unsent.length < MOST_UNSENT) unsent.push(message);
      if (!waiting) flush();
    },
    close() {
      closed = true;
      socket?.close();
    },
  };
}
