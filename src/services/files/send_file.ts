/** Sends files and folders to a peer, through as many sessions as it takes. */
import { backoffMs } from "../../core/backoff.ts";
import {
  type Clock,
  deadline,
  type Random,
  sleep,
  systemClock,
  systemRandom,
} from "../../core/clock.ts";
import { type ErrorCode, messageOf, VerackError } from "../../core/errors.ts";
import { countersOf } from "../../core/node_counters.ts";
import { escapeText } from "../../core/escape.ts";
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import { peerLabel } from "../../identity/peer_name.ts";
import type { Node } from "../../mesh/node.ts";
import { chunkBuffers } from "./file_hash.ts";
import { FILE_PROTOCOL } from "./file_messages.ts";
import type { FileProgress, SendFileOptions } from "./file_progress.ts";
import { FileSender } from "./file_sender.ts";
import { MAX_FAILED_ATTEMPTS, RETRY_DELAY } from "./files_limits.ts";
import { DeclinedError, type OutgoingTransfer } from "./outgoing_transfer.ts";
import { ProgressQueue } from "./progress_queue.ts";
import { peerFacts, TransferReport } from "./transfer_report.ts";
import { namesOf, walkFiles } from "./walk_files.ts";

/** What is used of a node. */
export type SendingNode = Pick<
  Node,
  "events" | "open" | "peer" | "resolvePeer"
>;

/** Time and chance. */
export interface SendingClock {
  readonly clock: Clock;
  readonly random: Random;
}

/** Errors after which the same may succeed once the peer or its program is back. */
const TRIED_AGAIN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "not-connected",
  "session-lost",
  "unknown-protocol",
  "full",
  "reset",
  "failed",
]);

/**
 * Sends files and folders to a peer that runs {@linkcode receiveFiles}, connected or not: an
 * absent peer is waited for, and a transfer that is interrupted goes on where it was, also when
 * either end was restarted. Folders are walked; symbolic links in them are not followed.
 *
 * The transfer begins with the first step of the iteration, waits while no step is taken, and
 * ends when the loop is left. The last event is `end`: with `failed` files or an `error`, not
 * everything was received.
 *
 * @param peer Its id, or its name as {@linkcode Node.resolvePeer} takes it.
 * @param paths Files and folders on this machine.
 * @throws {VerackError} `no-file` when a path is no readable file or folder, or there is nothing
 * in the folders but what is skipped; `oversize` when
 * there are more than 100,000 files; `unknown-peer`, `ambiguous`; `unsupported` when the peer is
 * of an older version; `timeout`; `failed` when the peer fails again and again; `malformed` when
 * what the peer sends makes no sense; `denied`; `aborted`; `stopped`.
 * @throws {TypeError} when there is no path, or two have the same last part; at once.
 * @throws {RangeError} when `timeoutMs` is negative; at once.
 */
export function sendFile(
  node: Node,
  peer: string,
  paths: string | readonly string[],
  options: SendFileOptions = {},
): AsyncIterableIterator<FileProgress, undefined> {
  return startSending(node, peer, paths, options, {
    clock: systemClock,
    random: systemRandom,
  });
}

/** As {@linkcode sendFile}, with time and chance. */
export function startSending(
  node: SendingNode,
  peer: string,
  paths: string | readonly string[],
  { signal, timeoutMs = Infinity }: SendFileOptions,
  time: SendingClock,
): ProgressQueue {
  const names = namesOf(typeof paths === "string" ? [paths] : paths);
  if (!(timeoutMs >= 0)) {
    throw new RangeError(
      `Cannot send files: timeoutMs is ${timeoutMs}, must be 0 or more`,
    );
  }
  return new ProgressQueue(async (queue, left) => {
    const either = signal === undefined
      ? left
      : AbortSignal.any([left, signal]);
    try {
      const id = isPeerId(peer) ? peer : node.resolvePeer(peer);
      const sending = new Sending(node, id, timeoutMs, either, time);
      await sending.run(queue, names);
    } catch (error) {
      if (!either.aborted) throw error;
      throw new VerackError("aborted", "Cannot send files: aborted", {
        cause: either.reason,
      });
    }
  });
}

/** One transfer from its first attempt to its end. */
class Sending {
  readonly #node: SendingNode;
  readonly #peer: PeerId;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  readonly #time: SendingClock;
  /** Attempts in a row without progress, and those of them in which the peer failed. */
  #attempts = 0;
  #failures = 0;
  /** Since when nothing was received, monotonic clock. */
  #waitingSince: number | undefined;

  constructor(
    node: SendingNode,
    peer: PeerId,
    timeoutMs: number,
    signal: AbortSignal,
    time: SendingClock,
  ) {
    this.#node = node;
    this.#peer = peer;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#time = time;
  }

  async run(
    queue: ProgressQueue,
    names: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { files, skipped } = await walkFiles(names, this.#signal);
    const report = new TransferReport(
      {
        transfer: this.#time.random.bytes(16).toHex(),
        ...peerFacts(this.#node, this.#peer),
        files: files.length,
        total: files.reduce((sum, { size }) => sum + size, 0),
      },
      queue,
      {
        clock: this.#time.clock,
        counters: countersOf(this.#node),
        counted: "filesSent",
      },
    );
    if (files.length > 0) await report.whole("offer");
    for (const { path, reason } of skipped) await report.skip(path, reason);
    if (files.length === 0) throw nothingToSend();
    const transfer: OutgoingTransfer = {
      files,
      settled: files.map(() => false),
      hashed: new Set(),
      begunAt: new Map(),
      resumedAt: new Map(),
      advances: 0,
      report,
      buffers: chunkBuffers(),
    };
    try {
      while (transfer.settled.includes(false)) await this.#attempt(transfer);
    } catch (error) {
      if (!(error instanceof DeclinedError)) throw error;
      const { code, message } = error.error;
      await report.whole("declined", { code, message: escapeText(message) });
    }
    await report.whole("end");
  }

  async #attempt(transfer: OutgoingTransfer): Promise<void> {
    const { report } = transfer;
    const { advances } = transfer;
    try {
      await using stream = await this.#node.open(this.#peer, FILE_PROTOCOL, {
        signal: this.#signal,
      });
      await new FileSender(transfer, stream).run();
    } catch (error) {
      report.interrupted();
      // All results had come.
      if (!transfer.settled.includes(false)) return;
      if (transfer.advances > advances) {
        this.#attempts = this.#failures = 0;
        this.#waitingSince = undefined;
      }
      if (this.#signal.aborted || !this.#mayTryAgain(error)) throw error;
      await report.whole("retrying", {
        code: error.code,
        message: escapeText(messageOf(error)),
      });
      await this.#wait(error);
    }
  }

  #mayTryAgain(error: unknown): error is VerackError {
    if (!(error instanceof VerackError && TRIED_AGAIN.has(error.code))) {
      return false;
    }
    this.#attempts++;
    if (error.code === "failed") this.#failures++;
    return this.#failures < MAX_FAILED_ATTEMPTS;
  }

  #label(): string {
    const { name, boundName } = this.#node.peer(this.#peer) ?? {};
    return peerLabel(this.#peer, name, boundName);
  }

  /** Waits until the peer is back, or a while. */
  async #wait(error: VerackError): Promise<void> {
    const { clock, random } = this.#time;
    this.#waitingSince ??= clock.monotonic();
    const left = this.#waitingSince + this.#timeoutMs - clock.monotonic();
    if (left <= 0) {
      throw new VerackError(
        "timeout",
        `Cannot send files: waited ${this.#timeoutMs} ms: ${
          error.code === "unknown-protocol"
            ? `${this.#label()} receives no files now`
            : error.message
        }`,
        { cause: error },
      );
    }
    const chance = 0.5 + random.float() / 2;
    const delayMs = backoffMs(this.#attempts, RETRY_DELAY, chance);
    // The list of sessions may not show yet that one is lost.
    await sleep(clock, Math.min(left, RETRY_DELAY.minMs / 10), this.#signal);
    using waiting = deadline(clock, Math.min(left, delayMs), this.#signal);
    const isAway = error.code === "not-connected" ||
      error.code === "session-lost";
    // Ends when the node stops, too: opening a stream then says so.
    for await (const event of this.#node.events({ signal: waiting.signal })) {
      if (isAway && event.type === "peer:up" && event.id === this.#peer) return;
    }
    this.#signal.throwIfAborted();
  }
}

function nothingToSend(): VerackError {
  return new VerackError(
    "no-file",
    "Cannot send files: there are only symbolic links and special files, which are skipped",
  );
}
