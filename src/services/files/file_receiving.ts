/** All transfers that one node receives: which offers are taken, and what is left of them. */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { Clock } from "../../core/clock.ts";
import { countersOf } from "../../core/node_counters.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Node } from "../../mesh/node.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import type { Destination, IncomingTransfer } from "./announced_files.ts";
import { decodeSenderMessage } from "./file_codec.ts";
import { FileFrames } from "./file_frames.ts";
import { chunkBuffers } from "./file_hash.ts";
import type { Offer } from "./file_messages.ts";
import { shownPath } from "./file_path.ts";
import type { FileOffer, ReceiveFilesOptions } from "./file_progress.ts";
import { FileReceiver } from "./file_receiver.ts";
import {
  FILE_WINDOW,
  MAX_KNOWN_TRANSFERS,
  MIN_HASH_BYTES_PER_S,
  PRUNE_MS,
  TRANSFER_IDLE_MS,
  TRANSFER_SWEEP_MS,
} from "./files_limits.ts";
import {
  peerFacts,
  type ProgressSink,
  TransferReport,
} from "./transfer_report.ts";

/** What is used of a node. */
export type ReceivingNode = Pick<Node, "peer" | "resolvePeer">;

/** A transfer that was accepted, and may come again on another stream. */
interface KnownTransfer extends IncomingTransfer {
  /** The stream that it is on. */
  current?: CurrentStream;
}

/** The one stream that has a transfer. */
interface CurrentStream {
  readonly stream: PeerStream;
  /** Resolves when it has the transfer no more. */
  readonly ended: PromiseWithResolvers<void>;
  /** Whether another stream waits for the transfer. */
  isReplaced: boolean;
}

/** A transfer that a stream has. */
type Claimed = KnownTransfer & { readonly current: CurrentStream };

/** Receives transfers. */
export class FileReceiving {
  readonly #node: ReceivingNode;
  readonly #options: Pick<ReceiveFilesOptions, "accept" | "from">;
  readonly #to: Destination;
  readonly #sink: ProgressSink;
  readonly #clock: Clock;
  readonly #known = new BoundedMap<string, KnownTransfer>(
    MAX_KNOWN_TRANSFERS,
    (known) => known.current === undefined,
  );
  #prunedAt = -Infinity;

  constructor(
    node: ReceivingNode,
    options: Pick<ReceiveFilesOptions, "accept" | "from">,
    to: Destination,
    sink: ProgressSink,
    clock: Clock,
  ) {
    this.#node = node;
    this.#options = options;
    this.#to = to;
    this.#sink = sink;
    this.#clock = clock;
  }

  /**
   * Receives what comes on one stream.
   *
   * @throws {VerackError} `malformed`, which is reported to the peer.
   * @throws what `accept` throws.
   */
  async receive(stream: PeerStream): Promise<void> {
    const frames = new FileFrames(stream);
    let hashingBytes = () => 0;
    const stopWatch = this.#watch(stream, frames, () => hashingBytes());
    try {
      const offer = await readOffer(frames);
      const known = await this.#admit(stream, offer);
      if (known === undefined) {
        const error = {
          code: "declined",
          message: "The receiving end declined the files",
        } as const;
        await frames.send({ type: "decline", error });
        return await stream.closeWrite();
      }
      const receiver = new FileReceiver(
        this.#to,
        known,
        frames,
        chunkBuffers(),
        stream.signal,
      );
      hashingBytes = () => receiver.hashingBytes;
      await this.#run(known, frames, receiver);
    } catch (error) {
      // The stream has ended at the peer as well.
      if (isOfStream(error)) return;
      throw error;
    } finally {
      stopWatch();
    }
  }

  async #run(
    known: Claimed,
    frames: FileFrames,
    receiver: FileReceiver,
  ): Promise<void> {
    const { current, report } = known;
    const { stream } = current;
    try {
      await frames.send({ type: "accept" });
      // What stands in the way of it is the fault of each file that needs it.
      await this.#to.folder.makeParts().catch(() => {});
      await this.#prune();
      await receiver.run();
      this.#forget(known);
      await report.whole("end");
      await stream.closeWrite();
    } catch (error) {
      report.interrupted();
      const told = {
        code: codeOf(error),
        message: escapeText(messageOf(error)),
      };
      if (told.code === "session-lost" || current.isReplaced) {
        await report.whole("retrying", told);
      } else {
        this.#forget(known);
        await report.whole("end", told);
      }
      throw error;
    } finally {
      delete (known as KnownTransfer).current;
      current.ended.resolve();
    }
  }

  /** The transfer that is offered, if it is taken; the stream has it to itself. */
  async #admit(
    stream: PeerStream,
    offer: Offer,
  ): Promise<Claimed | undefined> {
    const { peer } = stream;
    if (!this.#mayOffer(peer)) return undefined;
    for (;;) {
      const known = this.#known.get(keyOf(peer, offer.transfer));
      if (known === undefined || !isSame(known, offer)) break;
      const { current } = known;
      if (current === undefined) return claim(known, stream);
      // The end of an earlier stream may not have shown yet.
      current.isReplaced = true;
      current.stream.abort(new Error("The transfer has another stream"));
      // Several may wait for it, of which one has it then.
      await current.ended.promise;
      stream.signal.throwIfAborted();
    }
    const known = await this.#ask(stream, offer);
    return known && claim(known, stream);
  }

  async #ask(
    stream: PeerStream,
    offer: Offer,
  ): Promise<KnownTransfer | undefined> {
    const { peer, signal } = stream;
    const { transfer, files, bytes } = offer;
    const facts = { transfer, ...peerFacts(this.#node, peer), files };
    const report = new TransferReport(
      { ...facts, total: bytes },
      this.#sink,
      {
        clock: this.#clock,
        counters: countersOf(this.#node),
        counted: "filesReceived",
      },
      offer,
    );
    await report.whole("offer");
    const { accept } = this.#options;
    if (accept !== undefined) {
      const paths = offer.paths.map(shownPath);
      const shown: FileOffer = { ...facts, bytes, paths };
      const isAccepted = await accept(shown, { signal });
      signal.throwIfAborted();
      if (isAccepted !== true) {
        await report.whole("declined", {
          code: "declined",
          message: "The files were declined here",
        });
        await report.whole("end");
        return undefined;
      }
    }
    const results: IncomingTransfer["results"] = new BoundedMap(FILE_WINDOW);
    const known = { peer, report, results };
    this.#known.set(keyOf(peer, transfer), known);
    return known;
  }

  #mayOffer(peer: PeerId): boolean {
    const { accept, from } = this.#options;
    if (from === undefined) return accept !== undefined;
    return from.some((text) => {
      if (text === peer) return true;
      try {
        return this.#node.resolvePeer(text) === peer;
      } catch {
        // No peer of that name is known yet.
        return false;
      }
    });
  }

  #forget({ peer, report }: KnownTransfer): void {
    this.#known.delete(keyOf(peer, report.facts.transfer));
  }

  async #prune(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#prunedAt < PRUNE_MS) return;
    this.#prunedAt = now;
    // What cannot be removed is in the way of nothing.
    await this.#to.parts.prune().catch(() => {});
  }

  /** Aborts a stream whose peer sends nothing for too long; returns what ends that. */
  #watch(
    stream: PeerStream,
    frames: FileFrames,
    hashingBytes: () => number,
  ): () => void {
    let bytes = -1;
    let since = 0;
    const look = () => {
      cancel = this.#clock.after(TRANSFER_SWEEP_MS, look);
      const now = this.#clock.monotonic();
      if (!frames.isReading || frames.readBytes !== bytes) {
        bytes = frames.readBytes;
        since = now;
        return;
      }
      const limitMs = TRANSFER_IDLE_MS +
        1_000 * hashingBytes() / MIN_HASH_BYTES_PER_S;
      if (now - since < limitMs) return;
      stream.abort(
        new VerackError(
          "timeout",
          `Nothing came for ${Math.floor((now - since) / 1_000)} s`,
        ),
      );
    };
    let cancel = this.#clock.after(TRANSFER_SWEEP_MS, look);
    return () => cancel();
  }
}

async function readOffer(frames: FileFrames): Promise<Offer> {
  const header = await frames.header();
  if (header?.type !== "offer") {
    throw new VerackError(
      "malformed",
      `Cannot receive files: ${header?.type ?? "nothing"} came before an offer`,
    );
  }
  const message = decodeSenderMessage("offer", await frames.payload(header));
  return message as Offer;
}

function claim(known: KnownTransfer, stream: PeerStream): Claimed {
  const ended = Promise.withResolvers<void>();
  return Object.assign(known, {
    current: { stream, ended, isReplaced: false },
  });
}

function keyOf(peer: PeerId, transfer: string): string {
  return `${peer}:${transfer}`;
}

/** Whether an offer is of what was accepted. */
function isSame({ report: { facts } }: KnownTransfer, offer: Offer): boolean {
  return facts.files === offer.files && facts.total === offer.bytes;
}

/** Errors of the stream, which its peer has caused or gets anyway. */
function isOfStream(error: unknown): boolean {
  return error instanceof VerackError && error.code !== "malformed";
}

function codeOf(error: unknown) {
  return error instanceof VerackError ? error.code : "failed";
}
