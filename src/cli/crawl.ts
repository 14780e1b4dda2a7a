/**
 * `verack crawl`: walks a Bitcoin network from node to node and counts what it
 * finds. Limits of politeness are in `bitcoin/crawl.ts`.
 */
import {
  CRAWL_ADDR_TIMEOUT_MS,
  CRAWL_HEARD_PER_EVENT,
  CRAWL_MAX_NODES,
  CRAWL_REPEAT_AFTER_MS,
  MAX_CRAWL_ADDRESSES,
} from "../bitcoin/bitcoin_limits.ts";
import { crawl as startCrawl } from "../bitcoin/crawl.ts";
import {
  CrawlCounts,
  type CrawlEvent,
  type CrawlHeard,
  type CrawlNode,
  type CrawlOptions,
  parseCrawl,
} from "../bitcoin/crawl_events.ts";
import { parseHeard } from "../bitcoin/frontier.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import {
  DIAL_FLAGS,
  MAGIC_FLAG,
  networkFlag,
  networkOfFlags,
  parseNodes,
  VERSION_FLAGS,
  versionOfFlags,
} from "./bitcoin_flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { crawlLine, summaryLines } from "./bitcoin_lines.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { linesOf } from "./lines.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { unreadable } from "./probe_source.ts";
import { Progress } from "./progress.ts";
import { SignalWatch } from "./signal_watch.ts";
import { OUTPUT_FLAGS } from "./terminal.ts";

const FLAGS = {
  network: networkFlag("mainnet"),
  magic: MAGIC_FLAG,
  ...DIAL_FLAGS,
  max: {
    type: "integer",
    min: 1,
    max: MAX_CRAWL_ADDRESSES,
    default: CRAWL_MAX_NODES,
    help: "Nodes to visit, then it ends",
  },
  addrTimeout: {
    type: "integer",
    value: "MS",
    min: 1,
    max: 3_600_000,
    default: CRAWL_ADDR_TIMEOUT_MS,
    help: "Milliseconds to wait for the addresses of a node",
  },
  repeatAfter: {
    type: "seconds",
    min: 1,
    max: 2_000_000,
    default: CRAWL_REPEAT_AFTER_MS / 1_000,
    help: "With --resume, visit a node again after so many seconds",
  },
  allowPrivate: {
    type: "boolean",
    help: "Visit private and loopback addresses too",
  },
  resume: {
    type: "path",
    help: "Go on from what an earlier crawl printed with --json",
  },
  ...VERSION_FLAGS,
  ...LOG_FLAGS,
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const crawlCommand: Command = command({
  description: [
    "Visits the given nodes, or those that the network's DNS seeds name: " +
    "handshake, getaddr, the addresses in the answer, and so on. Never more than " +
    "one connection to an address at once, no address twice within " +
    "--repeat-after, and no private addresses by default. Nodes answer " +
    "getaddr in their own time, which is why most of the time is spent waiting.",
  ],
  usage: "crawl [OPTIONS] [HOST[:PORT]…]",
  positionals: [{
    name: "HOST[:PORT]",
    help: "A node to begin with, instead of the DNS seeds",
    optional: true,
    variadic: true,
  }],
  flags: FLAGS,
  examples: [
    [
      "verack crawl --network signet --max 500 --json > signet.ndjson",
      "Five hundred nodes, for another program to read",
    ],
    [
      "verack crawl --network signet --json --resume signet.ndjson >> signet.ndjson",
      "Go on where that ended",
    ],
  ],
  action: crawl,
});

type CrawlInvocation = Invocation<typeof FLAGS>;

async function crawl(invocation: CrawlInvocation): Promise<ExitCode> {
  const { flags, terminal, positionals, outputLost } = invocation;
  startLogging(flags, terminal);
  const network = networkOfFlags(flags);
  const addresses = parseNodes(positionals, network.port);
  const file = flags.resume === undefined
    ? undefined
    : await CrawlFile.open(flags.resume);
  using signals = new SignalWatch();
  const signal = AbortSignal.any([signals.signal, outputLost]);
  const events = begin({
    ...versionOfFlags(flags),
    network,
    addresses,
    timeoutMs: flags.timeout,
    addrTimeoutMs: flags.addrTimeout,
    concurrency: flags.concurrency,
    maxNodes: flags.max,
    repeatAfterMs: flags.repeatAfter * 1_000,
    allowPrivate: flags.allowPrivate,
    ...(file && { known: file.records() }),
    signal,
  });
  using screen = new CrawlScreen(invocation, network.name, file);
  try {
    for await (const event of events) {
      screen.show(event);
      // The crawl waits for a slow reader.
      await terminal.stdout.ready(signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    screen.interrupted();
  }
  return signals.code ?? (screen.answered ? EXIT.success : EXIT.failure);
}

function begin(options: CrawlOptions): ReturnType<typeof startCrawl> {
  try {
    return startCrawl(options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      error.message.replace(
        "allowPrivate must be true",
        "--allow-private given",
      ),
    );
  }
}

/** Shows a crawl, and counts in case it is interrupted. */
class CrawlScreen implements Disposable {
  readonly #invocation: CrawlInvocation;
  readonly #network: string;
  readonly #file: CrawlFile | undefined;
  readonly #counts = new CrawlCounts();
  readonly #started = systemClock.monotonic();
  readonly #progress: Progress;
  #visited = 0;
  #ok = 0;
  #heard = 0;
  #answered = false;
  #begun = false;

  constructor(
    invocation: CrawlInvocation,
    network: string,
    file: CrawlFile | undefined,
  ) {
    this.#invocation = invocation;
    this.#network = network;
    this.#file = file;
    this.#progress = new Progress({
      text: () =>
        `${this.#visited} of ${invocation.flags.max} visited, ${this.#ok} ok, ${this.#heard} new addresses`,
      enabled: Deno.stderr.isTerminal(),
      put: (text) => invocation.terminal.stderr.put(text),
      clock: systemClock,
    });
  }

  /** Whether any node completed a handshake, in this crawl or in the resumed one. */
  get answered(): boolean {
    return this.#answered;
  }

  show(event: CrawlEvent): void {
    if (!this.#begun) this.#begin();
    if (event.type === "node") {
      this.#visited++;
      if (event.result.ok) this.#ok++;
      this.#counts.add(event);
    } else if (event.type === "heard") {
      this.#heard += event.addresses.length;
      for (const text of event.addresses) {
        const address = parseHeard(text);
        if (address !== undefined) this.#counts.hear(address);
      }
    } else if (event.type === "summary") {
      this.#answered = event.ok > 0;
      this.#progress[Symbol.dispose]();
    }
    const { flags, terminal } = this.#invocation;
    const line = flags.json ? jsonLine(event) : crawlLine(event, terminal.out);
    if (line !== undefined) this.#line(line);
  }

  /** The counts until then; a program has all events already. */
  interrupted(): void {
    this.#progress[Symbol.dispose]();
    const { flags, terminal } = this.#invocation;
    if (flags.json) return;
    const { unvisited: _, ...summary } = this.#counts.summary({
      network: this.#network,
      visited: this.#visited,
      unvisited: 0,
      durationMs: systemClock.monotonic() - this.#started,
    });
    this.#line(["", ...summaryLines(summary, terminal.out)].join("\n"));
  }

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]();
  }

  /** The resumed file is read by now. */
  #begin(): void {
    this.#begun = true;
    const { flags, terminal } = this.#invocation;
    const cut = this.#file?.cutLines ?? 0;
    if (cut > 0) {
      terminal.stderr.line(
        `verack crawl: --resume: ${cut} ${
          cut === 1 ? "line is" : "lines are"
        } cut and left out`,
      );
    }
    // If this crawl appends to the file, its first line must not be joined with the cut last
    // line.
    if (flags.json && this.#file?.endsMidLine) this.#line("");
  }

  #line(text: string): void {
    this.#progress.aside(() => this.#invocation.terminal.stdout.line(text));
  }
}

/** The most addresses in a line, and the most characters of each. */
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

  /** Whether its last line has no line end, which must be added before anything is appended. */
  get endsMidLine(): boolean {
    return this.#lastByte !== LINE_FEED;
  }

  /** Lines that were cut, as a crawl that was killed leaves them; they are left out. */
  get cutLines(): number {
    return this.#cutLines;
  }

  /** The results of the crawl; closes the file. */
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
