/**
 * A program as the handler of requests: each one is passed to a new process, and
 * its standard output is the answer when it exits with 0. One process is run by `program_run.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { logger } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { shownName } from "../../identity/peer_name.ts";
import type { Node } from "../../mesh/node.ts";
import { RequestError } from "../../streams/request_error.ts";
import type { RequestContext } from "../../streams/request_types.ts";
import { MAX_REQUEST_BYTES } from "../../streams/streams_limits.ts";
import { EXEC_LEAVE_MS } from "../cli_limits.ts";
import { type ProgramCommand, runProgram } from "./program_run.ts";

/** Settings of a {@linkcode RequestExecutor}. */
export interface RequestExecutorSettings extends ProgramCommand {
  readonly methods: readonly string[];
  /** Only requests of these peers; left out, all. */
  readonly accepts?: (peer: PeerId) => boolean;
  /** How many run at the same time; others wait, those of peers with the fewest first. */
  readonly jobs: number;
  readonly clock: Clock;
  /** Shows a line that the program wrote to standard error; escaped already. */
  readonly say: (line: string) => void;
}

/** A request that waits for a process. */
interface Waiting {
  readonly peer: PeerId;
  readonly start: () => void;
  readonly end: (reason: unknown) => void;
}

const log = logger("cli");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Answers requests by a program until it is stopped. */
export class RequestExecutor {
  readonly #settings: RequestExecutorSettings;
  readonly #node: Node;
  readonly #served: readonly Disposable[];
  /** Running programs must end. */
  readonly #kill = new AbortController();
  readonly #running = new Map<PeerId, number>();
  readonly #waiting = new Set<Waiting>();
  #count = 0;
  #onIdle: (() => void) | undefined;

  constructor(node: Node, settings: RequestExecutorSettings) {
    this.#node = node;
    this.#settings = settings;
    this.#served = settings.methods.map((method) =>
      node.serve(method, (body, context) => this.#handle(body, context))
    );
  }

  /**
   * Serves no more requests, and resolves when no program runs: they may finish, get SIGTERM after
   * 2 s, and are killed 1 s later. To be called before the node closes.
   */
  async stop(): Promise<void> {
    for (const served of this.#served) served[Symbol.dispose]();
    const error = new VerackError("stopped", "The node is leaving");
    for (const { end } of this.#waiting) end(error);
    const cancel = this.#settings.clock.after(
      EXEC_LEAVE_MS,
      () => this.#kill.abort(),
    );
    if (this.#count > 0) {
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
    cancel();
  }

  async #handle(body: unknown, context: RequestContext): Promise<unknown> {
    const { peer, signal } = context;
    const { accepts, jobs } = this.#settings;
    if (accepts?.(peer) === false) {
      throw new VerackError("denied", "The node runs no program for this peer");
    }
    if (this.#count < jobs) this.#count++;
    else await this.#turn(peer, signal);
    this.#running.set(peer, (this.#running.get(peer) ?? 0) + 1);
    try {
      return await this.#run(body, context);
    } finally {
      const left = this.#running.get(peer)! - 1;
      if (left === 0) this.#running.delete(peer);
      else this.#running.set(peer, left);
      if (!this.#startNext()) this.#count--;
      if (this.#count === 0) this.#onIdle?.();
    }
  }

  async #run(
    body: unknown,
    { kind, method, peer, signal }: RequestContext,
  ): Promise<unknown> {
    const name = this.#node.peer(peer)?.name;
    const { fault, exitCode, lastLine, output } = await runProgram({
      ...this.#settings,
      env: {
        VERACK_FROM: peer,
        VERACK_NAME: name === undefined ? "" : shownName(name),
        VERACK_METHOD: method,
        VERACK_KIND: kind,
      },
      body: bytesOf(body),
      signal: AbortSignal.any([signal, this.#kill.signal]),
      endReason: "the request ended or the node is leaving",
      maxOutputBytes: MAX_REQUEST_BYTES,
    });
    if (fault === undefined) return answerOf(output, kind);
    const { program } = this.#settings;
    // The caller has had its outcome already: nothing is wrong at this node.
    const level = signal.aborted ? "info" : "warn";
    log[level]("request failed", { program, fault, from: peer, method });
    const ownFault = exitCode === undefined || lastLine === "";
    throw new RequestError(
      "failed",
      ownFault ? fault : lastLine,
      exitCode === undefined ? {} : { data: { exitCode } },
    );
  }

  /** Resolves when a process may be started in the place of another; rejects when the request ends. */
  #turn(peer: PeerId, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        peer,
        start() {
          settle();
          resolve();
        },
        end(reason) {
          settle();
          reject(reason);
        },
      };
      const onAbort = () => waiting.end(signal.reason);
      if (signal.aborted) return onAbort();
      this.#waiting.add(waiting);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Starts one of the peer with the fewest processes, the one that has waited longest. */
  #startNext(): boolean {
    const count = ({ peer }: Waiting) => this.#running.get(peer) ?? 0;
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (next === undefined || count(waiting) < count(next)) next = waiting;
    }
    next?.start();
    return next !== undefined;
  }
}

/** A body as a program gets it by standard input. */
function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  if (body === undefined) return new Uint8Array(0);
  return new TextEncoder().encode(
    typeof body === "string" ? body : JSON.stringify(body),
  );
}

/** JSON if the request was JSON and it is; else text if it is UTF-8; else bytes. */
function answerOf(output: Uint8Array<ArrayBuffer>, kind: string): unknown {
  let text: string;
  try {
    text = utf8.decode(output);
  } catch {
    return output;
  }
  if (kind !== "json") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
