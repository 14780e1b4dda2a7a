// @ts-check
/// <reference lib="dom" />
/**
 * Requests to the control API of the node that served this page. Each one has the cookie of the
 * sign-in, which is the browser's, and the page key, which is kept here: cookies are shared by
 * all ports of a host, so that one alone proves nothing.
 */
import { SseParser } from "./sse.js";

/** Where the page key is kept; by origin, so by node. */
const KEY_ITEM = "verack.pageKey";

/** The header with the page key. */
export const PAGE_KEY_HEADER = "verack-page-key";

/** An answer that takes longer is given up, unless the caller has its own signal. */
const ANSWER_TIMEOUT_MS = 30_000;

const NO_ANSWER = `The node has not answered for ${
  ANSWER_TIMEOUT_MS / 1_000
} s; whether it has done what was asked is not known.`;

/** A request that was refused or failed. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 if there was no answer.
   * @param {string} code
   * @param {string} message Not escaped.
   */
  constructor(status, code, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** @typedef {{ fetch: typeof globalThis.fetch, storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> }} ApiOptions */
/** @typedef {{ body?: object, signal?: AbortSignal, headers?: Record<string, string> }} RequestOptions */

/** A client of one node. */
export class Api {
  #options;
  /** Called when the node does not accept the sign-in, or ends it. */
  onSignedOut = () => {};

  /** @param {ApiOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Whether there was a sign-in; the node may not accept it any more. */
  get hasKey() {
    return this.#options.storage.getItem(KEY_ITEM) !== null;
  }

  /**
   * @param {string} path As `/v1/peers`.
   * @param {Record<string, string | number | undefined>} [query]
   * @returns {Promise<any>}
   * @throws {ApiError}
   */
  async get(path, query = {}) {
    const fields = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]]
    );
    const search = new URLSearchParams(fields).toString();
    const target = search === "" ? path : `${path}?${search}`;
    const response = await this.open("GET", target);
    return await response.json();
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   * @throws {ApiError}
   */
  async post(path, body = {}) {
    const response = await this.open("POST", path, { body });
    return await response.json();
  }

  /**
   * Signs in with the code of a one-time address. The key that the browser has is sent along, so
   * that the node ends its old session; if the code is wrong that one stays.
   *
   * @param {string} code
   * @throws {ApiError}
   */
  async signIn(code) {
    const { storage } = this.#options;
    const { key } = await this.post("/v1/page/sign-in", { code });
    storage.setItem(KEY_ITEM, String(key));
  }

  /** Ends the sign-in, here and at the node. */
  async signOut() {
    try {
      await this.post("/v1/page/sign-out");
    } finally {
      this.#forget();
    }
  }

  #forget() {
    this.#options.storage.removeItem(KEY_ITEM);
    this.onSignedOut();
  }

  /**
   * Makes a request; its response may be a stream.
   *
   * @param {"GET" | "POST"} method
   * @param {string} target
   * @param {RequestOptions} [options] Without a signal, it is given up after half a minute.
   * @returns {Promise<Response>}
   * @throws {ApiError}
   */
  async open(method, target, { body, signal, headers = {} } = {}) {
    const { fetch, storage } = this.#options;
    const key = storage.getItem(KEY_ITEM);
    let response;
    try {
      response = await fetch(target, {
        method,
        headers: {
          ...headers,
          ...(key !== null && { [PAGE_KEY_HEADER]: key }),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        cache: "no-store",
        credentials: "same-origin",
        redirect: "error",
        signal: signal ?? AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof DOMException && error.name === "TimeoutError") {
        throw new ApiError(0, "no-answer", NO_ANSWER);
      }
      const reason = error instanceof Error ? error.message : String(error);
      throw new ApiError(0, "no-answer", `The node does not answer: ${reason}`);
    }
    if (response.ok) return response;
    const failure = await response.json().catch(() => ({}));
    // Another tab may have signed in meanwhile, which ended the sign-in of this request.
    const isSame = storage.getItem(KEY_ITEM) === key;
    if (response.status === 401 && isSame) this.#forget();
    throw errorOf(response.status, failure);
  }
}

/**
 * @param {number} status
 * @param {{ error?: { code?: unknown, message?: unknown } }} failure
 */
function errorOf(status, { error }) {
  return new ApiError(
    status,
    String(error?.code ?? "failed"),
    String(error?.message ?? `The node answered with status ${status}`),
  );
}

/**
 * The events of each piece of a response; none for a comment.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<import("./sse.js").ServerSentEvent[]>}
 */
export async function* piecesOf(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream())
    .getReader();
  if (reader === undefined) return;
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield parser.push(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
