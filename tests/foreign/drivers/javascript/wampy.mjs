// The driver of wampy.js in Node.js.

import { Wampy } from "wampy";
import { CborSerializer } from "wampy/CborSerializer.js";
import { JsonSerializer } from "wampy/JsonSerializer.js";
import { MsgpackSerializer } from "wampy/MsgpackSerializer.js";
import WebSocket from "ws";

import { driver, Refusal } from "./driver.mjs";
import { run } from "./lines.mjs";

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

const payload = (args, kwargs = {}) =>
  Object.keys(kwargs).length > 0 ? { argsList: args, argsDict: kwargs } : { argsList: args };

/** What a promise of the library comes to; its own errors have codes, and no URI. */
async function outcome(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.errorUri) throw new Refusal(error.errorUri, error.argsList, error.argsDict);
    throw error.code ? new Refusal(null, [error.message]) : error;
  }
}

class Session {
  #wampy;
  #procedures = new Map();
  #subscriptions = new Map();

  async join(url, serializer, realm) {
    this.#wampy = new Wampy(url, {
      realm, ws: WebSocket, serializer: new SERIALIZERS[serializer](), autoReconnect: false,
    });
    const { authid, authrole, authmethod } = await outcome(this.#wampy.connect());
    return { id: Number(this.#wampy.getSessionId()), authid, authrole, authmethod };
  }

  leave() {
    return outcome(this.#wampy.disconnect());
  }

  async register(procedure, behave, options) {
    const endpoint = async ({ argsList = [], argsDict = {}, details, result_handler }) => {
      const progress = (args) => result_handler({ argsList: args, options: { progress: true } });
      try {
        const { args, kwargs } = await behave({
          args: argsList, kwargs: argsDict, details, progress,
        });
        return payload(args, kwargs);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw { error: error.uri, argsList: error.args, argsDict: error.kwargs };
      }
    };
    const { registrationId } = await outcome(this.#wampy.register(procedure, endpoint, options));
    this.#procedures.set(Number(registrationId), procedure);
    return Number(registrationId);
  }

  unregister(registration) {
    return outcome(this.#wampy.unregister(this.#procedures.get(registration)));
  }

  call(procedure, args, kwargs, { receive_progress, ...options }, part) {
    if (receive_progress) options.progress_callback = ({ argsList }) => part(argsList);
    const call = this.#wampy.call(procedure, payload(args, kwargs), options);
    const { reqId } = this.#wampy.getOpStatus();
    return {
      result: outcome(call).then(({ argsList: args = [], argsDict: kwargs = {} }) => ({
        args, kwargs,
      })),
      cancel: (mode) => this.#wampy.cancel(reqId, { mode }),
    };
  }

  async subscribe(topic, hear, options) {
    const onEvent = ({ argsList, argsDict, details }) => hear(argsList, argsDict, details);
    // Even empty options make a subscription that wampy.js can't remove.
    const asked = Object.keys(options).length > 0 ? options : undefined;
    const { subscriptionId, subscriptionKey } = await outcome(
      this.#wampy.subscribe(topic, onEvent, asked),
    );
    this.#subscriptions.set(Number(subscriptionId), subscriptionKey);
    return Number(subscriptionId);
  }

  unsubscribe(subscription) {
    return outcome(this.#wampy.unsubscribe(this.#subscriptions.get(subscription)));
  }

  async publish(topic, args, kwargs, options) {
    const published = this.#wampy.publish(topic, payload(args, kwargs), options);
    return Number((await outcome(published)).publicationId);
  }
}

await run(driver(Session));
