// The page of the node without configuration: a WAMP session in the browser, and what it shows.

const HELLO = 1, WELCOME = 2, ABORT = 3, GOODBYE = 6, ERROR = 8, PUBLISH = 16, PUBLISHED = 17;
const SUBSCRIBE = 32, SUBSCRIBED = 33, UNSUBSCRIBE = 34, UNSUBSCRIBED = 35, EVENT = 36;
const CALL = 48, RESULT = 50;

/** Events that are shown; older ones go. */
const MAX_EVENTS = 100;
/** Characters of a value that are shown. */
const MAX_SHOWN = 10_000;

/** A WAMP session over a WebSocket, with JSON. */
class Session {
  #socket;
  #nextRequest = 1;
  #pending = new Map();
  #handlers = new Map();

  /** Joins a realm. `onEnd` is told why the session has ended, or could not begin. */
  constructor(url, realm, { onJoin, onEnd }) {
    this.#socket = new WebSocket(url, ["wamp.2.json"]);
    this.#socket.onopen = () => {
      const roles = { caller: {}, publisher: {}, subscriber: {} };
      this.#send([HELLO, realm, { roles }]);
    };
    this.#socket.onmessage = ({ data }) => {
      const [type, ...rest] = JSON.parse(data);
      if (type === WELCOME) onJoin(rest[0]);
      else this.#receive(type, rest);
    };
    this.#socket.onclose = () => {
      const error = new Error("the connection is lost");
      this.#pending.forEach(({ reject }) => reject(error));
      this.#pending.clear();
      onEnd(error.message);
    };
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** Sends a request and waits for its answer. */
  #ask(type, ...rest) {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("there is no connection");
    const request = this.#nextRequest++;
    this.#send([type, request, ...rest]);
    return new Promise((resolve, reject) => this.#pending.set(request, { resolve, reject }));
  }

  #settle(request, settle) {
    const pending = this.#pending.get(request);
    this.#pending.delete(request);
    if (pending) settle(pending);
  }

  #receive(type, [first, second, third, ...rest]) {
    switch (type) {
      case RESULT:
        // [request, details, args, kwargs]
        return this.#settle(first, ({ resolve }) => resolve({ args: third, kwargs: rest[0] }));
      case PUBLISHED: case SUBSCRIBED: case UNSUBSCRIBED:
        return this.#settle(first, ({ resolve }) => resolve(second));
      case ERROR: {
        // [request type, request, details, error, args, kwargs]
        const [uri, args = []] = rest;
        const text = [uri, ...args.map((arg) => shown(arg))].join(": ");
        return this.#settle(second, ({ reject }) => reject(new Error(text)));
      }
      case EVENT:
        // [subscription, publication, details, args, kwargs]
        return this.#handlers.get(first)?.({ args: rest[0], kwargs: rest[1] });
      case ABORT: case GOODBYE:
        return this.#socket.close();
    }
  }

  call(procedure, args) {
    return this.#ask(CALL, {}, procedure, args);
  }

  publish(topic, args) {
    return this.#ask(PUBLISH, { acknowledge: true, exclude_me: false }, topic, args);
  }

  async subscribe(topic, handler) {
    const subscription = await this.#ask(SUBSCRIBE, {}, topic);
    this.#handlers.set(subscription, handler);
    return subscription;
  }

  async unsubscribe(subscription) {
    await this.#ask(UNSUBSCRIBE, subscription);
    this.#handlers.delete(subscription);
  }
}

const find = (id) => document.getElementById(id);
const secure = location.protocol === "https:";
const url = `${secure ? "wss:" : "ws:"}//${location.host}/ws`;

function shown(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1) ?? "";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Results and events as one reads them: one value alone, several as they came. */
function payload({ args = [], kwargs }) {
  if (kwargs && Object.keys(kwargs).length) return shown({ args, kwargs });
  return args.length === 1 ? shown(args[0]) : shown(args);
}

function list(form) {
  const text = form.elements.args.value.trim() || "[]";
  try {
    const args = JSON.parse(text);
    if (Array.isArray(args)) return args;
  } catch { /* The sentence below says it. */ }
  throw new Error('the arguments must be a JSON list such as ["text", 1]');
}

function note(text, kind = "") {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.className = kind;
  line.append(time, text);
  find("log").querySelector(".hint")?.remove();
  find("log").append(line);
  while (find("log").children.length > MAX_EVENTS) find("log").firstChild.remove();
  find("log").scrollTop = find("log").scrollHeight;
}

let session;
let subscribed;
let delay = 500;

function setState(state, text) {
  find("status").dataset.state = state;
  find("status").textContent = text;
  for (const button of document.querySelectorAll("form button")) {
    button.disabled = state !== "open";
  }
}

function setSubscribed(subscription) {
  subscribed = subscription;
  find("subscribe").textContent = subscription ? "Unsubscribe" : "Subscribe";
  find("subscribe").setAttribute("aria-pressed", String(Boolean(subscription)));
}

function connect() {
  session = new Session(url, "realm1", {
    onJoin: (id) => {
      delay = 500;
      setState("open", `connected as session ${id}`);
    },
    onEnd: () => {
      if (subscribed) note("the connection is lost, and the subscription with it", "error");
      setSubscribed(undefined);
      setState("lost", "not connected");
      setTimeout(connect, delay);
      delay = Math.min(delay * 2, 10_000);
    },
  });
}

find("call-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const result = find("result");
  const started = performance.now();
  try {
    const answer = await session.call(event.target.elements.procedure.value, list(event.target));
    const took = (performance.now() - started).toFixed(1);
    result.textContent = `${payload(answer)}\n\nafter ${took} ms`;
    result.dataset.state = "result";
  } catch (error) {
    result.textContent = error.message;
    result.dataset.state = "error";
  }
});

find("publish-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const topic = event.target.elements.topic.value;
  try {
    await session.publish(topic, list(event.target));
    if (!subscribed) note(`published to ${topic}; subscribe to see it arrive`);
  } catch (error) {
    note(error.message, "error");
  }
});

find("subscribe").addEventListener("click", async () => {
  try {
    if (subscribed) {
      await session.unsubscribe(subscribed);
      setSubscribed(undefined);
      note("unsubscribed");
    } else {
      const topic = find("publish-form").elements.topic.value;
      setSubscribed(await session.subscribe(topic, (event) => note(`${topic}: ${payload(event)}`)));
      note(`subscribed to ${topic}`);
    }
  } catch (error) {
    note(error.message, "error");
  }
});

// Behind a proxy with TLS the addresses are others than the node knows.
if (secure) {
  for (const code of document.querySelectorAll("code")) {
    code.textContent = code.textContent
      .replaceAll(`ws://${location.host}`, `wss://${location.host}`)
      .replaceAll(`http://${location.host}`, location.origin);
  }
}

// Browsers have the clipboard only for pages over TLS and from the same machine.
if (navigator.clipboard) {
  for (const block of document.querySelectorAll("pre")) {
    const text = block.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2_000);
    });
    block.append(button);
  }
}

connect();
