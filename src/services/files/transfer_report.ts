/** What one transfer has come to, as events; the same at both ends. */
import type { Clock } from "../../core/clock.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Node } from "../../mesh/node.ts";
import type { FileProgress } from "./file_progress.ts";
import { PROGRESS_MS } from "./files_limits.ts";

/** A transfer as its events name it. */
export interface TransferFacts {
  /** 32 hex digits. */
  readonly transfer: string;
  readonly peer: PeerId;
  readonly name?: string;
  readonly files: number;
  /** Bytes of all files. */
  readonly total: number;
}

/** A peer as the events of its transfers name it. */
export function peerFacts(
  node: Pick<Node, "peer">,
  peer: PeerId,
): Pick<TransferFacts, "peer" | "name"> {
  const info = node.peer(peer);
  const name = info?.boundName ?? info?.name;
  return { peer, ...(name !== undefined && { name }) };
}

/** Takes events; resolves when there is room for more. */
export interface ProgressSink {
  push(event: FileProgress): Promise<void> | undefined;
}

/** A file as its events name it. */
export interface ReportedFile {
  /** From 0. */
  readonly index: number;
  readonly path: string;
  readonly size: number;
}

type Detail = Pick<FileProgress, "error" | "resumedAt" | "savedAs">;

/** Dependencies of a {@linkcode TransferReport}. */
export interface TransferReportParts {
  readonly clock: Clock;
  /** Those of the node. */
  readonly counters: NodeCounters;
  /** The counter of files that are done. */
  readonly counted: "filesSent" | "filesReceived";
}

/** Counts what is done of a transfer, and reports it. */
export class TransferReport {
  readonly facts: TransferFacts;
  readonly #sink: ProgressSink;
  readonly #clock: Clock;
  readonly #counters: NodeCounters;
  readonly #counted: "filesSent" | "filesReceived";
  /** Bytes that count of files that are neither done nor failed. */
  readonly #partial = new Map<number, number>();
  #lastProgress = -Infinity;
  #bytes: number;
  #done: number;
  #failed: number;

  /** @param before What was done before, of a transfer that goes on. */
  constructor(
    facts: TransferFacts,
    sink: ProgressSink,
    { clock, counters, counted }: TransferReportParts,
    before: { done: number; failed: number; doneBytes: number } = {
      done: 0,
      failed: 0,
      doneBytes: 0,
    },
  ) {
    this.facts = facts;
    this.#sink = sink;
    this.#clock = clock;
    this.#counters = counters;
    this.#counted = counted;
    this.#bytes = before.doneBytes;
    this.#done = before.done;
    this.#failed = before.failed;
  }

  /** Files that are done. */
  get done(): number {
    return this.#done;
  }

  /** Files that were not received. */
  get failed(): number {
    return this.#failed;
  }

  /** Bytes of files that are done, and of parts. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of files that are done. */
  get doneBytes(): number {
    let bytes = this.#bytes;
    for (const partial of this.#partial.values()) bytes -= partial;
    return bytes;
  }

  begin(file: ReportedFile, offset: number): Promise<void> | undefined {
    this.#count(file.index, offset);
    return this.#report("begin", file, offset, {
      ...(offset > 0 && { resumedAt: offset }),
    });
  }

  /** Some more of a file; an event only if the last was some time ago. */
  progress(file: ReportedFile, bytes: number): Promise<void> | undefined {
    this.#count(file.index, bytes);
    const now = this.#clock.monotonic();
    if (now - this.#lastProgress < PROGRESS_MS) return undefined;
    this.#lastProgress = now;
    return this.#report("progress", file, bytes);
  }

  /** @param path Where it is at the receiving end. */
  succeed(
    file: ReportedFile,
    path: string,
    resumedAt: number,
  ): Promise<void> | undefined {
    this.#count(file.index, file.size);
    this.#partial.delete(file.index);
    this.#done++;
    this.#counters[this.#counted]++;
    return this.#report("done", file, file.size, {
      ...(resumedAt > 0 && { resumedAt }),
      ...(path !== file.path && { savedAs: path }),
    });
  }

  fail(
    file: ReportedFile,
    error: NonNullable<FileProgress["error"]>,
  ): Promise<void> | undefined {
    this.#count(file.index, 0);
    this.#partial.delete(file.index);
    this.#failed++;
    this.#counters.filesFailed++;
    const { code, message } = error;
    return this.#report("failed", file, 0, { error: { code, message } });
  }

  /** Something that is not offered. */
  skip(path: string, message: string): Promise<void> | undefined {
    return this.#report(
      "skipped",
      { index: -1, path, size: 0 },
      0,
      { error: { code: "unreadable", message } },
    );
  }

  /** An event of the whole transfer. */
  whole(
    type: "offer" | "declined" | "retrying" | "end",
    error?: FileProgress["error"],
  ): Promise<void> | undefined {
    return this.#sink.push({
      ...this.#common(type),
      path: "",
      file: 0,
      bytes: this.#bytes,
      total: this.facts.total,
      ...(type === "end" && { done: this.#done, failed: this.#failed }),
      ...(error !== undefined && { error }),
    });
  }

  /** Parts no longer count, as the session is lost; they do again when they are resumed. */
  interrupted(): void {
    for (const index of [...this.#partial.keys()]) this.#count(index, 0);
    this.#partial.clear();
  }

  #count(index: number, bytes: number): void {
    this.#bytes += bytes - (this.#partial.get(index) ?? 0);
    this.#partial.set(index, bytes);
  }

  #report(
    type: FileProgress["type"],
    { index, path, size }: ReportedFile,
    bytes: number,
    detail: Detail = {},
  ): Promise<void> | undefined {
    return this.#sink.push({
      ...this.#common(type),
      path,
      file: index + 1,
      bytes,
      total: size,
      ...detail,
    });
  }

  #common(type: FileProgress["type"]) {
    const { transfer, peer, name, files, total } = this.facts;
    return {
      type,
      transfer,
      peer,
      ...(name !== undefined && { name }),
      files,
      allBytes: this.#bytes,
      allTotal: total,
    };
  }
}
