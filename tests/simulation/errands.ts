/**
 * The requests of a simulation and what became of them. Each has exactly one outcome, in time:
 * the answer of the handler, its error, the deadline, the caller's abort or the end of the
 * session. A handler is called at most once, and is told when its answer is of no use any more.
 */
import { sleep } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { RequestError } from "../../src/streams/request_error.ts";
import type { RequestContext } from "../../src/streams/request_types.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { BrokenInvariant } from "./invariants.ts";
import type { Life } from "./member.ts";

/** What a handler does. */
export const SERVICES = [
  /** Answers at once. */
  "answer",
  /** Answers after some time. */
  "slow",
  /** Throws after some time. */
  "fail",
  /** Answers only when its signal aborts. */
  "hang",
  /** No node serves this method. */
  "nothing",
] as const;

/** One of {@linkcode SERVICES}. */
export type Service = typeof SERVICES[number];

/** What a node requests. */
export interface Errand {
  readonly count: number;
  readonly service: Service;
  /** Bytes of the body, and of the answer. */
  readonly size: number;
  readonly answerSize: number;
  readonly timeoutMs: number;
  /** Whether the caller aborts it in the middle. */
  readonly aborts: boolean;
}

/** One request. */
interface Request {
  readonly number: number;
  readonly errand: Errand;
  readonly life: Life;
  readonly to: PeerId;
  /** In time of its node, which may sleep. */
  readonly sentAtMs: number;
  /** How often its handler was called, and how that ended. */
  handled: number;
  handlerLife: Life | undefined;
  handlerResult: "answered" | "threw" | undefined;
  outcome: string | undefined;
}

/** Longest time until a slow handler answers. */
const SLOW_MS = 6_000;

/** By so much may an outcome be late: timers of a node that sleeps fire when it wakes. */
const GRACE_MS = 100;

/** Answers of less are never too many at once. */
const MAX_UNREAD_BYTES = 4_000_000;

/** Codes with which a request may end under faults. */
const UNDER_FAULTS: ReadonlySet<string> = new Set([
  "unknown-peer",
  "not-connected",
  "session-lost",
  "stopped",
]);

/** All requests of one simulation. */
export class Errands {
  readonly #requests: Request[] = [];
  readonly #fail: (error: BrokenInvariant) => void;
  readonly #counts = new Map<string, number>();

  readonly #isClosed: boolean;

  /** In a closed mesh peers are denied. */
  constructor(fail: (error: BrokenInvariant) => void, isClosed: boolean) {
    this.#fail = fail;
    this.#isClosed = isClosed;
  }

  /** A node has started: from now on it serves. */
  serve(life: Life): void {
    for (const service of SERVICES) {
      if (service === "nothing") continue;
      life.node!.serve(
        service,
        (body: Uint8Array, context) =>
          this.#onRequest(life, service, body, context),
      );
    }
  }

  /** Sends requests to a peer. */
  send(life: Life, errand: Errand, to: PeerId): void {
    for (let i = 0; i < errand.count; i++) {
      const request: Request = {
        number: this.#requests.length,
        errand,
        life,
        to,
        sentAtMs: life.clock.monotonic(),
        handled: 0,
        handlerLife: undefined,
        handlerResult: undefined,
        outcome: undefined,
      };
      this.#requests.push(request);
      this.#send(request).catch((error) => this.#fail(error));
    }
  }

  /** Requests and handlers of nodes that run which have not ended. */
  unfinished(): string[] {
    return this.#requests.flatMap((request) => {
      const { number, life, outcome, handled, handlerLife } = request;
      const isHandled = handled > 0 && request.handlerResult === undefined;
      return [
        ...(outcome === undefined && life.isUp
          ? [`request ${number} of ${life.label}`]
          : []),
        ...(isHandled && handlerLife?.isUp
          ? [
            `the handler of request ${number} at ${handlerLife.label} (${request.errand.service}, ${request.outcome})`,
          ]
          : []),
      ];
    });
  }

  /** How requests ended from number `from` on. */
  outcomes(from: number): (string | undefined)[] {
    return this.#requests.slice(from).map(({ outcome }) => outcome);
  }

  /** How many requests there were. */
  get size(): number {
    return this.#requests.length;
  }

  /**
   * To be called when all nodes are closed.
   *
   * @throws {BrokenInvariant} when a request has no outcome.
   */
  checkEnded(): void {
    for (const request of this.#requests) {
      if (request.outcome !== undefined) continue;
      throw broken(request, "has no outcome, and its node is closed");
    }
  }

  /** Figures. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  // --- The caller ----------------------------------------------------------------

  async #send(request: Request): Promise<void> {
    const { errand, life, number, to } = request;
    const random = new SeededRandom(number ^ 0xe44a);
    const body = new Uint8Array(Math.max(4, errand.size)).fill(number);
    new DataView(body.buffer).setUint32(0, number);
    const abort = new AbortController();
    if (errand.aborts) {
      sleep(life.clock, random.float() * errand.timeoutMs, life.over)
        .then(() => abort.abort(), () => {});
    }
    let answer: unknown;
    try {
      answer = await life.node!.request(to, errand.service, body, {
        timeoutMs: errand.timeoutMs,
        signal: abort.signal,
      });
    } catch (error) {
      return this.#onError(request, error);
    }
    this.#end(request, "answer");
    const isRight = answer instanceof Uint8Array &&
      answer.length === errand.answerSize &&
      answer.every((byte) => byte === (number & 0xff));
    if (!isRight) throw broken(request, "has an answer of another");
    if (request.handlerResult !== "answered") {
      throw broken(request, "has an answer, and its handler gave none");
    }
  }

  #onError(request: Request, error: unknown): void {
    const { errand: { service, aborts }, handlerResult } = request;
    if (!(error instanceof VerackError)) {
      throw broken(request, `failed: ${error}`);
    }
    const { code } = error;
    this.#end(request, code);
    const isRight = UNDER_FAULTS.has(code) || code === "timeout" ||
      (code === "denied" && this.#isClosed) ||
      (code === "full" && this.#askedOf(request) > MAX_UNREAD_BYTES) ||
      (code === "aborted" && aborts) ||
      (code === "unknown-method" && service === "nothing") ||
      (error instanceof RequestError && service === "fail" &&
        error.remoteCode === "as-told" && handlerResult === "threw");
    if (!isRight) throw broken(request, `failed: ${code}: ${error.message}`);
  }

  /** Bytes of the answers that a node has asked for and that have not all come. */
  #askedOf({ life }: Request): number {
    return this.#requests
      .filter((it) => it.life === life && it.outcome !== "answer")
      .reduce((sum, { errand }) => sum + errand.answerSize, 0);
  }

  #end(request: Request, outcome: string): void {
    if (request.outcome !== undefined) {
      throw broken(request, `ended as ${request.outcome}, then as ${outcome}`);
    }
    request.outcome = outcome;
    const name = `requests ${outcome}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    const { life, sentAtMs, errand } = request;
    const tookMs = life.clock.monotonic() - sentAtMs;
    const lateMs = tookMs - errand.timeoutMs - life.clock.lastPauseMs;
    if (lateMs <= GRACE_MS) return;
    throw broken(request, `ended as ${outcome}, ${lateMs} ms too late`);
  }

  // --- The handler -----------------------------------------------------------------

  async #onRequest(
    life: Life,
    service: Service,
    body: Uint8Array,
    { peer, signal }: RequestContext,
  ): Promise<Uint8Array> {
    const { buffer, byteOffset } = body;
    const number = new DataView(buffer, byteOffset).getUint32(0);
    const request = this.#requests[number];
    if (request === undefined) {
      throw new BrokenInvariant(`a request of nobody: ${number}`);
    }
    const { errand } = request;
    const isRight = request.handled === 0 && errand.service === service &&
      peer === request.life.identity.id &&
      life.identity.id === request.to &&
      body.length === Math.max(4, errand.size) &&
      body.subarray(4).every((byte) => byte === (number & 0xff));
    if (!isRight) this.#fail(broken(request, `came wrong at ${life.label}`));
    request.handled++;
    request.handlerLife = life;
    const random = new SeededRandom(number ^ 0x5e44e);
    try {
      if (service === "hang") {
        await new Promise((resolve) => {
          // The caller may have given it up before it came.
          if (signal.aborted) resolve(undefined);
          signal.addEventListener("abort", resolve, { once: true });
        });
      } else if (service !== "answer") {
        await sleep(life.clock, random.float() * SLOW_MS, signal)
          .catch(() => {});
      }
      if (service === "fail") {
        request.handlerResult = "threw";
        throw new RequestError("as-told", "it fails");
      }
      return new Uint8Array(errand.answerSize).fill(number);
    } finally {
      request.handlerResult ??= "answered";
    }
  }
}

function broken({ number, life, errand }: Request, what: string) {
  return new BrokenInvariant(
    `request ${number} of ${life.label} ${what} (${JSON.stringify(errand)})`,
  );
}
