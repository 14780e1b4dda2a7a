/** `verack send-file` and `receive`: files to and from peers, through a running node. */
import type {
  AskRecord,
  FileRecord,
} from "../../control/api/file_endpoints.ts";
import type { ControlClient } from "../../control/control_client.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import { systemClock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { MAX_DURATION_MS } from "../../mesh/mesh_limits.ts";
import { CLIENT_FLAGS, nodePath, withNode } from "../client_flags.ts";
import { type Command, command } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { parseSender } from "../exec/exec_flags.ts";
import { SignalWatch } from "../signal_watch.ts";
import { OUTPUT_FLAGS, type Terminal } from "../terminal.ts";
import { OfferPrompt } from "./offer_prompt.ts";
import { bytesText, filesText, peerOf, shownReason } from "./transfer_lines.ts";
import { TransferScreen } from "./transfer_screen.ts";

const SEND_FLAGS = {
  ...CLIENT_FLAGS,
  timeout: {
    type: "seconds",
    min: 0,
    max: MAX_DURATION_MS / 1_000,
    help:
      "Wait no longer for a peer that is away or receives no files (default: for ever)",
  },
  ...OUTPUT_FLAGS,
} as const;

/** Sends files. */
export const sendFileCommand: Command = command({
  usage: "send-file FILE… NAME [OPTIONS]",
  description: [
    "The last argument is the peer; it must run verack receive, or its node must " +
    "have been started with --receive-dir. Folders are sent with what is in them; " +
    "symbolic links in them are not followed. The node's process reads the files, " +
    "so it needs the permission.",
    "A peer that is away is waited for. After Ctrl-C, a lost session or a restart " +
    "of either end the same command goes on where it was. A file counts as sent " +
    "once its SHA-256 was verified at the other end and it has its name there. " +
    "The exit code is 0 if all files were sent, 1 if not.",
  ],
  positionals: [
    {
      name: "FILE",
      completes: "file",
      help: "Files and folders of the node's machine",
      variadic: true,
    },
    {
      name: "NAME",
      help: "A name, an id, or its first 8 digits or more",
      completes: "peer",
    },
  ],
  flags: SEND_FLAGS,
  examples: [
    [
      "verack send-file photo.jpg bob --data data/alice",
      "alice sends bob a photo",
    ],
    [
      "verack send-file *.log src/ 3f2a91c0 --data data/alice",
      "Several files and a folder, to a peer by its id",
    ],
  ],
  async action({ flags, positionals, terminal, outputLost }) {
    const paths = positionals.slice(0, -1);
    const to = positionals.at(-1) ?? "";
    const { timeout, json } = flags;
    using signals = new SignalWatch({ talk: talkOf(terminal) });
    const ends = AbortSignal.any([signals.signal, outputLost]);
    using screen = new TransferScreen({
      terminal,
      json,
      receives: false,
      command: "verack send-file",
    });
    let code: ExitCode = EXIT.failure;
    let waitsFor: string | undefined;
    try {
      await withNode(flags, async (node) => {
        const all = await Promise.all(
          paths.map((path) => nodePath(path, flags)),
        );
        const steps = node.sendFiles(to, all, {
          signal: ends,
          ...(timeout !== undefined && { timeoutMs: timeout * 1_000 }),
        });
        for await (const step of steps) {
          screen.show(step);
          if (step.type === "end") code = codeOf(step);
          if (step.type === "retrying") waitsFor = step.error?.code;
          await terminal.stdout.ready(ends);
        }
      });
    } catch (error) {
      // What stands in the way of the output is said at the end.
      if (outputLost.aborted) return EXIT.failure;
      if (signals.code === undefined) throw hinted(error, waitsFor);
      const there = Math.floor(screen.tally.share * 100);
      screen.talk(
        there === 0
          ? "interrupted; the same command tries again"
          : `interrupted at ${there}%; the same command goes on from there`,
      );
    }
    return signals.code ?? code;
  },
});

/** The error of a transfer that has waited for `waitsFor`, with what the peer would have to run. */
function hinted(error: unknown, waitsFor: string | undefined): unknown {
  if (!(error instanceof VerackError) || error.code !== "timeout") return error;
  if (waitsFor !== "unknown-protocol") return error;
  return new VerackError(
    error.code,
    `${error.message} (verack receive, or run --receive-dir, does)`,
    { cause: error },
  );
}

const RECEIVE_FLAGS = {
  ...CLIENT_FLAGS,
  dir: {
    type: "path",
    value: "DIR",
    required: true,
    help: "Folder for the files; made if missing",
  },
  from: {
    type: "list",
    value: "NAME|ID",
    parse: parseSender,
    completes: "peer",
    help: "Only files of this peer; those of others are declined",
  },
  yes: {
    type: "boolean",
    short: "y",
    help: "Accept without asking",
  },
  once: {
    type: "boolean",
    help: "End after one transfer, with exit code 0 if all of its files came",
  },
  executable: {
    type: "boolean",
    help: "Files that are executable at the other end are so here",
  },
  ...OUTPUT_FLAGS,
} as const;

/** Receives files. */
export const receiveCommand: Command = command({
  description: [
    "Peers send by verack send-file. Each offer is shown, and accepted by y; " +
    "with --yes all are, and without a terminal and --yes none. A file appears " +
    "under its name when all of it is there and its SHA-256 is verified; " +
    "nothing is overwritten. What is not complete is kept in DIR/.verack-parts, " +
    "and goes on when it is sent again. The node's process writes the files, so " +
    "it needs the permission.",
    "It ends with Ctrl-C, or --once. verack run --receive-dir receives for as " +
    "long as the node runs.",
  ],
  flags: RECEIVE_FLAGS,
  examples: [
    ["verack receive --dir in --data data/bob", "bob receives, and is asked"],
    [
      "verack receive --dir in --from alice --yes --once --data data/bob",
      "One transfer of alice, for scripts",
    ],
  ],
  async action({ flags, terminal, outputLost }) {
    const { dir, from, yes, once, executable, json } = flags;
    using signals = new SignalWatch({ talk: talkOf(terminal) });
    const ends = AbortSignal.any([signals.signal, outputLost]);
    using screen = new TransferScreen({
      terminal,
      json,
      receives: true,
      command: "verack receive",
    });
    let code: ExitCode = EXIT.failure;
    try {
      await withNode(flags, async (node) => {
        const path = await nodePath(dir, flags);
        const decisions = new Decisions({ node, screen, terminal });
        const records = node.receiveFiles(path, {
          accept: yes ? "all" : "ask",
          ...(from.length > 0 && { from }),
          ...(executable && { executable }),
          signal: ends,
        });
        const declined = new Set<string>();
        for await (const record of records) {
          screen.show(record);
          if (record.type === "ready") {
            screen.talk(`files go to "${escapeText(path)}"; Ctrl-C ends`);
          } else if (record.type === "ask") decisions.ask(record);
          else if (record.type === "withdrawn") decisions.withdraw(record);
          else if (record.type === "declined") declined.add(record.transfer);
          else if (record.type === "end" && !declined.delete(record.transfer)) {
            code = codeOf(record);
            if (once) break;
          }
          await terminal.stdout.ready(ends);
        }
      });
    } catch (error) {
      // What stands in the way of the output is said at the end.
      if (outputLost.aborted) return EXIT.failure;
      if (signals.code === undefined) throw error;
      if (screen.tally.bar() !== undefined) {
        screen.talk(
          "interrupted; what is there is kept, and goes on when it is sent again",
        );
      }
    }
    return signals.code ?? code;
  },
});

/** Offers of one peer that are declined before there are no more questions about it. */
const MAX_DECLINED_OFFERS = 3;

/** Peers of which that is counted; the oldest is forgotten. */
const MAX_DECLINED_PEERS = 1_000;

/** Decides offers: by the user, or declines them where there is no terminal. */
class Decisions {
  readonly #node: ControlClient;
  readonly #screen: TransferScreen;
  readonly #prompt: OfferPrompt | undefined;
  readonly #open = new Map<string, AbortController>();
  /** How often offers of a peer were declined. */
  readonly #declined = new BoundedMap<PeerId, number>(MAX_DECLINED_PEERS);
  #waiting = 0;

  constructor({ node, screen, terminal }: {
    readonly node: ControlClient;
    readonly screen: TransferScreen;
    readonly terminal: Terminal;
  }) {
    this.#node = node;
    this.#screen = screen;
    if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return;
    this.#prompt = new OfferPrompt({
      input: Deno.stdin.readable,
      put: (text) => terminal.stderr.put(text),
      clock: systemClock,
    });
  }

  ask(offer: AskRecord): void {
    void this.#ask(offer).catch((error) =>
      this.#screen.talk(`cannot answer ${peerOf(offer)}: ${error.message}`)
    );
  }

  withdraw({ peer, transfer }: Pick<AskRecord, "peer" | "transfer">): void {
    this.#open.get(`${peer} ${transfer}`)?.abort();
  }

  async #ask(offer: AskRecord): Promise<void> {
    const { peer, transfer } = offer;
    const declined = this.#declined.get(peer) ?? 0;
    if (this.#prompt === undefined || declined >= MAX_DECLINED_OFFERS) {
      return await this.#decline(offer);
    }
    const key = `${peer} ${transfer}`;
    const abort = new AbortController();
    this.#open.set(key, abort);
    this.#screen.hold();
    this.#waiting++;
    const answer = await this.#prompt.ask(
      `accept ${offerText(offer)}?`,
      abort.signal,
    );
    if (--this.#waiting === 0) this.#screen.release();
    this.#open.delete(key);
    if (abort.signal.aborted) {
      return this.#screen.talk(`${peerOf(offer)} has withdrawn its offer`);
    }
    if (answer !== true) this.#declined.set(peer, declined + 1);
    await this.#node.decideOffer(peer, transfer, answer ?? false);
  }

  /** Without a question; said once for each peer. */
  async #decline(offer: AskRecord): Promise<void> {
    const { peer, transfer } = offer;
    const declined = this.#declined.get(peer) ?? 0;
    this.#declined.set(peer, MAX_DECLINED_OFFERS + 1);
    if (declined <= MAX_DECLINED_OFFERS) {
      const what = declined === 0
        ? `${offerText(offer)}: there is no terminal to ask, add --yes`
        : `what ${
          peerOf(offer)
        } offers from now on: ${MAX_DECLINED_OFFERS} offers were declined`;
      this.#screen.talk(`declined ${what}`);
    }
    await this.#node.decideOffer(peer, transfer, false);
  }
}

/** `"photo.jpg" and 2 more (3 files, 2.1 MB) from bob (3f2a91c0)`. */
function offerText(offer: AskRecord): string {
  const { paths: [first = ""], files, bytes } = offer;
  const others = files > 1 ? ` and ${files - 1} more` : "";
  return `"${shownReason(first)}"${others} (${filesText(files)}, ${
    bytesText(bytes)
  }) from ${peerOf(offer)}`;
}

/** Both ends count the same files; of a transfer that was declined none is there. */
function codeOf(
  { done = 0, files, error }: Extract<FileRecord, { readonly type: "end" }>,
): ExitCode {
  return done === files && error === undefined ? EXIT.success : EXIT.failure;
}

function talkOf({ stderr }: Terminal) {
  return Deno.stderr.isTerminal() ? stderr : undefined;
}
