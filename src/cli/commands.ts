/** The table of all commands, and which of them the first arguments name. */
import { asksForHelp, type Command } from "./command.ts";
import { quoted, suggest, UsageError } from "./flags.ts";

/** A command in the list of commands. */
export interface CommandEntry {
  /** One word, or two for one of a group: `run`, `identity new`. */
  readonly name: string;
  /** Its summary, one sentence without a full stop. */
  readonly summary: string;
  /** Loads the rest, so that no module of other commands is loaded. */
  load(): Promise<Command>;
}

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  ...from(() => (prepareTls(), import("./run.ts")), {
    runCommand: [
      "run",
      "Start a node, join a mesh, ping all peers (the default)",
    ],
  }),
  ...from(() => (prepareTls(), import("./chat.ts")), {
    chatCommand: ["chat", "Talk with all members of a mesh"],
  }),
  ...from(() => import("./status.ts"), {
    statusCommand: ["status", "Show how a running node is"],
  }),
  ...from(() => import("./health.ts"), {
    healthCommand: ["health", "Check whether a running node does its work"],
  }),
  ...from(() => import("./peers.ts"), {
    peersCommand: ["peers", "List the peers that a node remembers"],
    findCommand: ["find", "Find peers by name or id"],
  }),
  ...from(() => import("./links.ts"), {
    linksCommand: ["links", "Show the sessions of a running node"],
  }),
  ...from(() => import("./ping.ts"), {
    pingCommand: ["ping", "Measure round trips to a peer"],
  }),
  ...from(() => import("./open.ts"), {
    openCommand: ["open", "Open the page of a running node in a browser"],
  }),
  ...from(() => import("./send.ts"), {
    sendCommand: ["send", "Send a message to one peer, through a running node"],
    broadcastCommand: [
      "broadcast",
      "Send a message to all peers, through a running node",
    ],
  }),
  ...from(() => import("./request.ts"), {
    requestCommand: [
      "request",
      "Send a request to one peer, through a running node, and print its answer",
    ],
  }),
  ...from(() => import("./files/file_commands.ts"), {
    sendFileCommand: [
      "send-file",
      "Send files and folders to a peer, through a running node",
    ],
    receiveCommand: ["receive", "Receive files, through a running node"],
  }),
  ...from(() => import("./forward.ts"), {
    forwardCommand: [
      "forward",
      "Forward ports to a peer or from it, through a running node",
    ],
  }),
  ...from(() => import("./tail.ts"), {
    tailCommand: ["tail", "Watch the messages that a running node acks"],
  }),
  ...from(() => import("./receive_messages.ts"), {
    receiveMessagesCommand: [
      "receive-messages",
      "Consume the messages of a kept topic, for scripts",
    ],
  }),
  ...from(() => import("./kept_topic_commands.ts"), {
    ackCommand: ["ack", "Ack messages that receive-messages printed"],
    nackCommand: ["nack", "Have them delivered again later"],
    keptTopicsCommand: [
      "kept-topics",
      "List topics whose messages wait at a node for a consumer",
    ],
    keptTopicsAddCommand: ["kept-topics add", "Keep a topic from now on"],
    keptTopicsDropCommand: [
      "kept-topics drop",
      "Keep a topic no longer, and delete its messages",
    ],
  }),
  ...from(() => import("./dead_letter_commands.ts"), {
    deadLettersCommand: [
      "dead-letters",
      "List messages that were nacked too often",
    ],
    deadLettersShowCommand: ["dead-letters show", "Show one of them"],
    deadLettersRetryCommand: [
      "dead-letters retry",
      "Offer one of them to the node's program again",
    ],
    deadLettersDiscardCommand: [
      "dead-letters discard",
      "Drop one of them for good",
    ],
  }),
  ...from(() => import("./stop.ts"), {
    stopCommand: ["stop", "Ask a running node to leave, and wait until it has"],
  }),
  ...from(() => import("./admission_commands.ts"), {
    inviteCommand: [
      "invite",
      "Make an invite for one guest, at a running node",
    ],
    invitesCommand: [
      "invites",
      "List invites that have not ended, used or not",
    ],
    invitesRevokeCommand: ["invites revoke", "Take an invite back"],
    requestsCommand: [
      "requests",
      "List peers that proved their key and were not admitted",
    ],
    allowCommand: ["allow", "Admit a peer"],
    denyCommand: ["deny", "Keep a peer out"],
    forgetCommand: ["forget", "Take a peer off the record"],
  }),
  ...from(() => import("./demo.ts"), {
    demoCommand: [
      "demo",
      "Run a whole mesh on this machine and show what happens",
    ],
  }),
  ...from(() => import("./handshake.ts"), {
    handshakeCommand: [
      "handshake",
      "Shake hands with Bitcoin nodes and show their versions",
    ],
  }),
  ...from(() => import("./respond.ts"), {
    respondCommand: [
      "respond",
      "Answer like a Bitcoin node, or wrongly on purpose",
    ],
  }),
  ...from(() => import("./crawl.ts"), {
    crawlCommand: [
      "crawl",
      "Walk a Bitcoin network from node to node and count",
    ],
  }),
  ...from(() => import("./identity.ts"), {
    identityNewCommand: ["identity new", "Make a key and its certificate"],
    identityShowCommand: [
      "identity show",
      "Show the id of a key or a certificate",
    ],
  }),
  ...from(() => import("./completions.ts"), {
    completionsCommand: [
      "completions",
      "Print a script by which a shell completes commands and flags",
    ],
  }),
];

/** The commands that a module exports, by the names of the exports. */
function from<K extends string>(
  load: () => Promise<Readonly<Record<NoInfer<K>, Command>>>,
  entries: Readonly<Record<K, readonly [name: string, summary: string]>>,
): CommandEntry[] {
  const exports = Object.keys(entries) as K[];
  return exports.map((key) => {
    const [name, summary] = entries[key];
    return { name, summary, load: async () => (await load())[key] };
  });
}

/**
 * Sets up the cryptography of TLS while modules load; else the first handshake would, for 30 ms
 * in which nothing else happens. Making a P-256 key does it in another thread, an HMAC key in
 * this one (Deno 2.9.6).
 */
function prepareTls(): void {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  crypto.subtle.generateKey(algorithm, false, ["sign"]).catch(() => {});
}

/** The meaning of the first arguments. */
export type Selection =
  | {
    readonly kind: "command";
    readonly entry: CommandEntry;
    /** The arguments after the command's name. */
    readonly argv: readonly string[];
  }
  /** A list of the commands; of those that begin with `group` if it is not empty. */
  | { readonly kind: "overview"; readonly group: string };

/**
 * The command of `argv`. Without a name it is the first one; `--help` alone and `help` mean the
 * list of commands, `help NAME` the help of one. Throws `UsageError` when there is no such
 * command.
 */
export function selectCommand(
  argv: readonly string[],
  commands: readonly CommandEntry[] = COMMANDS,
): Selection {
  const [first = "", second = ""] = argv;
  if (first === "help" && argv.length > 1) {
    return selectCommand([...argv.slice(1), "--help"], commands);
  }
  if (["help", "--help", "-h"].includes(first)) {
    return { kind: "overview", group: "" };
  }
  const isDefault = first === "" || first.startsWith("-");
  const find = (name = "") => commands.find((it) => it.name === name);
  // Commands of two words first: `invites revoke` is not `invites` with an argument.
  const pair = find(`${first} ${second}`);
  const entry = pair ?? find(isDefault ? commands[0]?.name : first);
  if (entry !== undefined) {
    const words = isDefault ? 0 : pair === undefined ? 1 : 2;
    return { kind: "command", entry, argv: argv.slice(words) };
  }
  const group = commands.filter((it) => it.name.startsWith(`${first} `));
  if (group.length === 0) throw unknown(first, commands);
  if (asksForHelp(argv)) return { kind: "overview", group: first };
  if (second !== "" && !second.startsWith("-")) {
    throw unknown(`${first} ${second}`, group);
  }
  const names = group.map((it) => it.name).join(" or ");
  throw new UsageError(`${first} is not complete, must be ${names}`);
}

function unknown(name: string, commands: readonly CommandEntry[]): UsageError {
  const groups = commands.map((it) => it.name.split(" ")[0] ?? it.name);
  const words = name.includes(" ")
    ? commands.map((it) => it.name)
    : [...groups, "help"];
  const guess = suggest(name, words);
  return new UsageError(
    `Unknown command ${quoted(name)}, ` +
      (guess === undefined
        ? `must be ${[...new Set(words)].join(", ")}`
        : `did you mean ${guess}?`),
  );
}
