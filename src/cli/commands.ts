/** The table of all commands, and which of them the first arguments name. */
import { asksForHelp, type Command } from "./command.ts";
import { quoted, suggest, UsageError } from "./flags.ts";

/** A command as the list of commands shows it. */
export interface CommandEntry {
  /** One word, or two for one of a group: `run`, `identity new`. */
  readonly name: string;
  /** What it does, one sentence without a full stop. */
  readonly summary: string;
  /** Loads the rest: a command pays for no module of the others. */
  load(): Promise<Command>;
}

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "Start a node, join a mesh, ping everybody (the default)",
    load: async () => {
      prepareTls();
      return (await import("./run.ts")).runCommand;
    },
  },
  {
    name: "chat",
    summary: "Talk to everybody in a mesh",
    load: async () => {
      prepareTls();
      return (await import("./chat.ts")).chatCommand;
    },
  },
  {
    name: "status",
    summary: "Show how a running node is",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "peers",
    summary: "List the peers that a node remembers",
    load: async () => (await import("./peers.ts")).peersCommand,
  },
  {
    name: "find",
    summary: "Find peers by name or id",
    load: async () => (await import("./peers.ts")).findCommand,
  },
  {
    name: "send",
    summary: "Send a message to one peer, through a running node",
    load: async () => (await import("./send.ts")).sendCommand,
  },
  {
    name: "broadcast",
    summary: "Send a message to everybody, through a running node",
    load: async () => (await import("./send.ts")).broadcastCommand,
  },
  {
    name: "tail",
    summary: "Watch the messages that a running node acks",
    load: async () => (await import("./tail.ts")).tailCommand,
  },
  {
    name: "dead-letters",
    summary: "List messages that were nacked too often",
    load: async () =>
      (await import("./dead_letter_commands.ts")).deadLettersCommand,
  },
  {
    name: "dead-letters show",
    summary: "Show one of them",
    load: async () =>
      (await import("./dead_letter_commands.ts")).deadLettersShowCommand,
  },
  {
    name: "dead-letters retry",
    summary: "Offer one of them to the node's program again",
    load: async () =>
      (await import("./dead_letter_commands.ts")).deadLettersRetryCommand,
  },
  {
    name: "dead-letters discard",
    summary: "Drop one of them for good",
    load: async () =>
      (await import("./dead_letter_commands.ts")).deadLettersDiscardCommand,
  },
  {
    name: "stop",
    summary: "Ask a running node to leave, and wait until it has",
    load: async () => (await import("./stop.ts")).stopCommand,
  },
  {
    name: "invite",
    summary: "Make an invite for one guest, at a running node",
    load: async () => (await import("./admission_commands.ts")).inviteCommand,
  },
  {
    name: "invites",
    summary: "List invites that have not ended, used or not",
    load: async () => (await import("./admission_commands.ts")).invitesCommand,
  },
  {
    name: "invites revoke",
    summary: "Take an invite back",
    load: async () =>
      (await import("./admission_commands.ts")).invitesRevokeCommand,
  },
  {
    name: "requests",
    summary: "List peers that proved their key and were not admitted",
    load: async () => (await import("./admission_commands.ts")).requestsCommand,
  },
  {
    name: "allow",
    summary: "Admit a peer",
    load: async () => (await import("./admission_commands.ts")).allowCommand,
  },
  {
    name: "deny",
    summary: "Keep a peer out",
    load: async () => (await import("./admission_commands.ts")).denyCommand,
  },
  {
    name: "forget",
    summary: "Take a peer off the record",
    load: async () => (await import("./admission_commands.ts")).forgetCommand,
  },
  {
    name: "demo",
    summary: "Run a whole mesh on this machine and show what happens",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
  {
    name: "handshake",
    summary: "Shake hands with Bitcoin nodes and show what they say",
    load: async () => (await import("./handshake.ts")).handshakeCommand,
  },
  {
    name: "respond",
    summary: "Answer like a Bitcoin node, or wrongly on purpose",
    load: async () => (await import("./respond.ts")).respondCommand,
  },
  {
    name: "crawl",
    summary: "Walk a Bitcoin network from node to node and count",
    load: async () => (await import("./crawl.ts")).crawlCommand,
  },
  {
    name: "identity new",
    summary: "Make a key and its certificate",
    load: async () => (await import("./identity.ts")).identityNewCommand,
  },
  {
    name: "identity show",
    summary: "Show the id of a key or a certificate",
    load: async () => (await import("./identity.ts")).identityShowCommand,
  },
  {
    name: "completions",
    summary: "Print a script by which a shell completes commands and flags",
    load: async () => (await import("./completions.ts")).completionsCommand,
  },
];

/**
 * Sets up the cryptography of TLS in another thread while modules load. Making any key does so
 * (Deno 2.9.6); else the first handshake would, for 30 ms in which nothing else happens.
 */
function prepareTls(): void {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  crypto.subtle.generateKey(algorithm, false, ["sign"]).catch(() => {});
}

/** What the first arguments ask for. */
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
 * The command that `argv` asks for. Without a name it is the first one; `--help` alone and
 * `help` ask for the list of commands, `help NAME` for the help of one. Throws `UsageError` when
 * there is no such command.
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
  // Before the one word: `invites revoke` is not `invites` of something.
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
