// Sessions of Autobahn|JS, in Node.js and in a browser. The library detects in which of the two it
// runs.

import { Refusal } from "./driver.mjs";

const SERIALIZERS = { json: "JSONSerializer", msgpack: "MsgpackSerializer", cbor: "CBORSerializer" };

/** The class of sessions over the library `autobahn`. */
export function sessions(autobahn) {
  const transport = (url, serializer) => {
    const { protocol, hostname: host, port, pathname: path } = new URL(url);
    switch (protocol) {
      case "ws:":
        return {
          type: "websocket", url, serializers: [new autobahn.serializer[SERIALIZERS[serializer]]()],
        };
      case "http:":
        return { type: "longpoll", url };
      case "tcp:":
        return { type: "rawsocket", host, port };
      case "unix:":
        return { type: "rawsocket", path };
    }
  };

  // Errors of the library itself are strings.
  const refusal = (error) => {
    if (error instanceof autobahn.Error) return new Refusal(error.error, error.args, error.kwargs);
    return typeof error === "string" ? new Refusal(null, [error]) : error;
  };

  /** What a promise of the library comes to. */
  const outcome = (promise, part) =>
    new Promise((resolve, reject) =>
      promise.then(resolve, (error) => reject(refusal(error)), part),
    );

  // A single value is not in a list.
  const values = (result) =>
    result instanceof autobahn.Result
      ? { args: result.args, kwargs: result.kwargs }
      : { args: [result], kwargs: {} };

  return class Session {
    #connection;
    #session;
    #registrations = new Map();
    #subscriptions = new Map();

    /** The reason with which the session ended, once it has. */
    left;

    /** What the library says of the connection's end: `closed` or `lost`, for example. */
    cause;

    join(url, serializer, realm) {
      this.#connection = new autobahn.Connection({
        transports: [transport(url, serializer)],
        realm,
        max_retries: 0,
        // Exceptions of a procedure go to the caller.
        on_user_error: () => {},
      });
      return new Promise((resolve, reject) => {
        this.#connection.onopen = (session, { authid, authrole, authmethod }) => {
          this.#session = session;
          resolve({ id: session.id, authid, authrole, authmethod });
        };
        this.left = new Promise((ended) => {
          this.#connection.onclose = (cause, { reason, message }) => {
            this.cause = cause;
            reject(new Refusal(reason, [message]));
            ended(reason);
          };
        });
        this.#connection.open();
      });
    }

    async leave() {
      if (this.#connection.isOpen) this.#connection.close();
      await this.left;
    }

    async register(procedure, behave, options) {
      const endpoint = async (args, kwargs, details) => {
        try {
          const result = await behave({ args, kwargs, details, progress: details.progress });
          return new autobahn.Result(result.args, result.kwargs);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          throw new autobahn.Error(error.uri, error.args, error.kwargs);
        }
      };
      const registration = await outcome(this.#session.register(procedure, endpoint, options));
      this.#registrations.set(registration.id, registration);
      return registration.id;
    }

    unregister(registration) {
      return outcome(this.#registrations.get(registration).unregister());
    }

    call(procedure, args, kwargs, options, part) {
      const call = this.#session.call(procedure, args, kwargs, options);
      return {
        result: outcome(call, (result) => part(values(result).args)).then(values),
        // Without a mode there are no options.
        cancel: (mode) => call.cancel(mode ? { mode } : undefined),
      };
    }

    async subscribe(topic, hear, options) {
      const subscription = await outcome(this.#session.subscribe(topic, hear, options));
      this.#subscriptions.set(subscription.id, subscription);
      return subscription.id;
    }

    unsubscribe(subscription) {
      return outcome(this.#subscriptions.get(subscription).unsubscribe());
    }

    async publish(topic, args, kwargs, options) {
      const acknowledged = this.#session.publish(topic, args, kwargs, options);
      return acknowledged && (await outcome(acknowledged)).id;
    }
  };
}
