/**
 * The output of an earlier crawl, for `crawl --resume`. The file may be the one
 * that standard output is appended to: it is read as long as it was at the start.
 */
import {
  type CrawlHeard,
  type CrawlNode,
  parseCrawl,
} from "../bitcoin/crawl_events.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { CRAWL_HEARD_PER_EVENT } from "../bitcoin/bitcoin_limits.ts";
import { unreadable } from "./address_lines.ts";
import { UsageError } from "./flags.ts";
import { linesOf } from "./lines.ts";

/** A line lists so many addresses at most, each shorter than this many characters. */
const MAX_LINE_CHARS = CRAWL_HEARD_PER_EVENT * 100;

const LINE_FEED = 10;

/** Output of a crawl, open for reading. */
export class CrawlFile {
  readonly #name: string;
  readonly #file: Deno.FsFile;
  readonly #bytes: number;
  #lastByte = LINE_FEED;
  #cutLines = 0;

  private constructor(name: string, file: Deno.FsFile, bytes: number) {
    this.#name = name;
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(path: string): Promise<CrawlFile> {
    const name = escapeText(path, { max: 120 });
    try {
      const file = await Deno.open(path);
      return new CrawlFile(name, file, (await file.stat()).size);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      throw unreadable("resume", path, error);
    }
  }

  /** Whether its last line has no end, which what follows in the same file must make up for. */
  get endsMidLine(): boolean {
    return this.#lastByte !== LINE_FEED;
  }

  /** Lines that were cut, as a crawl that was killed leaves them; they are left out. */
  get cutLines(): number {
    return this.#cutLines;
  }

  /** What the crawl found; closes the file. */
  async *records(): AsyncGenerator<CrawlNode | CrawlHeard> {
    let count = 0;
    try {
      for await (const record of parseCrawl(this.#wholeLines())) {
        count++;
        yield record;
      }
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      throw new UsageError(`--resume ${this.#name}: ${error.message}`);
    }
    if (count === 0 && this.#cutLines > 1) {
      throw new UsageError(
        `--resume ${this.#name}: Cannot read crawl: it has no line that a crawl has written`,
      );
    }
  }

  async *#wholeLines(): AsyncGenerator<string> {
    let left = this.#bytes;
    const bounded = this.#file.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (chunk, controller) => {
          const piece = chunk.subarray(0, left);
          left -= piece.length;
          this.#lastByte = piece.at(-1) ?? this.#lastByte;
          if (piece.length > 0) controller.enqueue(piece);
          if (left === 0) controller.terminate();
        },
      }),
    );
    for await (const line of linesOf(bounded, MAX_LINE_CHARS)) {
      if (line === "" || isJson(line)) yield line;
      else this.#cutLines++;
    }
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
