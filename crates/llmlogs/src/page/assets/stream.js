// One stream of events for all tabs that look at a root: a browser opens six connections to a host, and a stream takes one
// for as long as it lasts.
//
// The tab that holds a lock reads the stream and tells the others through a channel what it hears. When it ends, the
// browser gives the lock to another one. What is told is no more than a hint: each tab knows up to which event it has
// come, and asks the server for the rest (`live.js`), so that a change of the reader loses and doubles nothing.

/** The time before a stream is opened anew that the browser has given up, in milliseconds. */
const AGAIN = 3000;

/**
 * Calls `heard({ id, from, calls })` for each event of a root: `id` is that of the event, `from` that of the one before
 * it, and `calls`, where there are any, what happened between them. Calls `connected(true or false)`.
 */
export function stream(root, heard, connected) {
  const name = `llmlogs-live-${root}`;
  const channel = new BroadcastChannel(name);
  let isReader = false;
  let isConnected = false;

  const say = (message) => {
    receive(message);
    channel.postMessage(message);
  };
  const receive = (message) => {
    if (message.what === "event") heard(message);
    else if (message.what === "connected") connected(message.is);
    else if (message.what === "who?" && isReader) channel.postMessage({ what: "connected", is: isConnected });
  };
  channel.onmessage = (event) => receive(event.data);

  const read = () => {
    isReader = true;
    let from = null;
    const source = new EventSource(`/api/live?root=${encodeURIComponent(root)}`);
    const tellConnected = (is) => {
      isConnected = is;
      say({ what: "connected", is });
    };
    const tell = (event, calls) => {
      say({ what: "event", id: event.lastEventId, from, calls });
      from = event.lastEventId;
    };
    source.addEventListener("open", () => tellConnected(true));
    source.addEventListener("hello", (event) => tell(event));
    source.addEventListener("reset", (event) => tell(event));
    source.addEventListener("calls", (event) => tell(event, JSON.parse(event.data)));
    source.addEventListener("error", () => {
      tellConnected(false);
      // After an answer that is an error the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(read, AGAIN);
    });
  };

  // Only a page from a secure address has locks: another host's name, which the user allowed, has not.
  if (navigator.locks) navigator.locks.request(name, () => new Promise(read)).catch(read);
  else read();
  channel.postMessage({ what: "who?" });
}
