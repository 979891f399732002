// Shared by the drivers in JavaScript, in Node.js and in a browser: sessions by name, behaviours of
// procedures, and the requests of ../README.md. Each client library has its own class of sessions.

const EVENT_DETAILS = ["topic", "publisher", "publisher_authid", "publisher_authrole", "retained"];
const CALL_DETAILS = ["procedure", "caller", "caller_authid", "caller_authrole"];

/** An error that the router, a callee or the client library tells of. */
export class Refusal {
  constructor(uri, args = [], kwargs = {}) {
    Object.assign(this, { uri, args, kwargs });
  }
}

// Details that a library does not provide are undefined or false.
const told = (details, names) =>
  Object.fromEntries(names.filter((name) => details[name]).map((name) => [name, details[name]]));

/** Things that come in; who asks for some waits until there are as many. */
class Tally {
  #here = [];
  #awaited = { count: Infinity };

  add(thing) {
    this.#here.push(thing);
    this.#look();
  }

  take(count) {
    return new Promise((resolve) => {
      this.#awaited = { count, resolve };
      this.#look();
    });
  }

  #look() {
    const { count, resolve } = this.#awaited;
    if (this.#here.length >= count) {
      this.#awaited = { count: Infinity };
      resolve(this.#here.splice(0, count));
    }
  }
}

// Each takes the call: its `args`, `kwargs` and `details`, and `progress`, which sends a
// progressive result.
const BEHAVIOURS = {
  echo: () => ({ args, kwargs }) => ({ args, kwargs }),
  add: () => ({ args: [first, second] }) => ({ args: [first + second] }),
  value: (value) => () => ({ args: [value] }),
  fail: () => () => {
    throw new Refusal("com.example.error.refused", [1, "zwei ☘"], { reason: ["because"] });
  },
  hang: () => () => new Promise(() => {}),
  count: () => ({ args: [parts], progress }) => {
    for (let part = 0; part < parts; part += 1) progress([part]);
    return { args: [parts] };
  },
  details: () => ({ details }) => ({ args: [told(details, CALL_DETAILS)] }),
};

const REQUESTS = {
  leave: async ({ peer }) => {
    await peer.leave();
    return peer.cause === undefined ? {} : { cause: peer.cause };
  },

  left: async ({ peer }) => ({ reason: await peer.left }),

  register: async ({ peer, procedure, behaviour, value, options }) => {
    const behave = BEHAVIOURS[behaviour](value);
    return { registration: await peer.register(procedure, async (call) => behave(call), options) };
  },

  unregister: async ({ peer, registration }) => {
    await peer.unregister(registration);
    return {};
  },

  call: async ({ peer, calls, procedure, args, kwargs, name, options }) => {
    const parts = [];
    const { result, cancel } = peer.call(procedure, args, kwargs, options, (part) => {
      parts.push(part);
    });
    calls.set(name, cancel);
    return { ...(await result), parts };
  },

  cancel: async ({ calls, name, mode }) => {
    await calls.get(name)(mode);
    return {};
  },

  subscribe: async ({ peer, heard, topic, options }) => {
    const tally = new Tally();
    const hear = (args = [], kwargs = {}, details = {}) =>
      tally.add({ args, kwargs, details: told(details, EVENT_DETAILS) });
    const subscription = await peer.subscribe(topic, hear, options);
    heard.set(subscription, tally);
    return { subscription };
  },

  unsubscribe: async ({ peer, subscription }) => {
    await peer.unsubscribe(subscription);
    return {};
  },

  events: async ({ heard, subscription, count }) => ({
    events: await heard.get(subscription).take(count),
  }),

  publish: async ({ peer, topic, args, kwargs, options }) => {
    const publication = await peer.publish(topic, args, kwargs, options);
    return publication === undefined ? {} : { publication };
  },
};

/** The function from requests to their outcomes, over the sessions of one client library. */
export function driver(Session) {
  const sessions = new Map();

  const join = async ({ session, url, serializer, realm }) => {
    const peer = new Session();
    const welcome = await peer.join(url, serializer, realm);
    sessions.set(session, { peer, heard: new Map(), calls: new Map() });
    return welcome;
  };

  return async ({ do: what, ...request }) => {
    try {
      const serve = what === "join" ? join : REQUESTS[what];
      return { ok: await serve({ ...request, ...sessions.get(request.session) }) };
    } catch (caught) {
      if (caught instanceof Refusal) return { error: { ...caught } };
      return { fault: String(caught?.stack ?? caught) };
    }
  };
}
