/** `verack completions`: scripts by which shells complete commands, flags, peers and topics. */
import type { ControlClient } from "../control/control_client.ts";
import { deadline, systemClock } from "../core/clock.ts";
import { shortId } from "../core/peer_id.ts";
import { peerLabel, type PeerNames, sameName } from "../identity/peer_name.ts";
import type { PeerRow } from "../control/answers.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import {
  type Candidate,
  completeWords,
  completionLines,
  type FindWords,
  type NodeWords,
} from "./completion_words.ts";
import { type Command, command, grantedEnv } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { flagName, quoted, UsageError } from "./flags.ts";
import { SHELL_SCRIPTS } from "./shell_scripts.ts";
import { DATA_VARIABLE } from "./data_place.ts";

/** What scripts ask for, in the place of a shell. */
const WORDS = "words";

/** A node that does not answer so soon is not waited for. */
const NODE_WAIT_MS = 1_000;

/** Words of a node that need no quotes in any shell, nor look like a flag. */
const SAFE_WORD = /^[\p{L}\p{N}_][\p{L}\p{N}._@%+-]*$/u;

/** The command. */
export const completionsCommand: Command = command({
  usage: "completions SHELL",
  description: [
    "The script asks this program, which asks the node that the words on the line mean: for " +
    "commands, flags, the names of its peers, its kept topics, join requests and invites.",
  ],
  positionals: [
    {
      name: "SHELL",
      help: "bash, zsh or fish",
      suggests: Object.keys(SHELL_SCRIPTS),
    },
    {
      name: "WORD",
      help: "Of scripts, behind `words --`: those on the line so far",
      optional: true,
      variadic: true,
    },
  ],
  flags: {},
  environment: {
    [DATA_VARIABLE]: "The data directory of the node that is asked",
  },
  examples: [
    ["source <(verack completions bash)", "In ~/.bashrc"],
    ["source <(verack completions zsh)", "In ~/.zshrc, behind compinit"],
    ["verack completions fish | source", "In ~/.config/fish/config.fish"],
  ],
  async action({ positionals: [shell = "", ...words], terminal }) {
    const { stdout } = terminal;
    if (shell === WORDS) {
      const completion = await completeWords(words, COMMANDS, wordsOfNode);
      for (const line of completionLines(completion)) {
        stdout.line(line, false, false);
      }
      return EXIT.success;
    }
    const script = Object.hasOwn(SHELL_SCRIPTS, shell)
      ? SHELL_SCRIPTS[shell]
      : undefined;
    if (script === undefined || words.length > 0) {
      const shells = Object.keys(SHELL_SCRIPTS).join(", ");
      throw new UsageError(
        `SHELL is ${quoted(shell)}, must be one of ${shells}`,
      );
    }
    stdout.line(script, false, false);
    return EXIT.success;
  },
});

/** Words of the node that the flags mean; none if it does not answer: a shell shows no errors. */
const wordsOfNode: FindWords = async (kind, flags) => {
  const given = Object.keys(CLIENT_FLAGS).map((key) => [
    key,
    flags.get(`--${flagName(key)}`),
  ]);
  const values = Object.fromEntries(given) as Partial<
    Record<keyof typeof CLIENT_FLAGS, string>
  >;
  const data = values.data ?? (grantedEnv(DATA_VARIABLE) || undefined);
  using limit = deadline(systemClock, NODE_WAIT_MS);
  const late = new Promise<Candidate[]>((resolve) =>
    limit.signal.addEventListener("abort", () => resolve([]), { once: true })
  );
  const paths = {
    data: data && expanded(data),
    url: values.url,
    tokenFile: values.tokenFile && expanded(values.tokenFile),
    ca: values.ca && expanded(values.ca),
  };
  const found = withNode(paths, (node) => FINDERS[kind](node))
    .then((words) => words.filter(({ word }) => isSafe(word)), () => []);
  return await Promise.race([found, late]);
};

/** A path as the shell would expand it. */
function expanded(path: string): string {
  const home = grantedEnv("HOME");
  return path.startsWith("~/") && home !== undefined
    ? home + path.slice(1)
    : path;
}

function isSafe(word: string): boolean {
  return SAFE_WORD.test(word.replace(/:$/, ""));
}

const FINDERS: Readonly<
  Record<NodeWords, (node: ControlClient) => Promise<Candidate[]>>
> = {
  "peer": async (node) => (await node.peers()).peers.map(peerWord),
  "peer-address": async (node) =>
    (await node.peers()).peers.map(peerWord).map(({ word, help }) => ({
      word: `${word}:`,
      help,
    })),
  "topic": async (node) =>
    (await node.keptTopics.list()).map(({ topic, messages }) => ({
      word: topic,
      help: `${messages} wait`,
    })),
  "join-request": async (node) =>
    (await node.joinRequests()).map(({ id, address }) => ({
      word: id,
      help: address,
    })),
  "invite": async (node) =>
    (await node.invites()).map(({ id, expiresAt }) => ({
      word: id,
      help: `until ${expiresAt}`,
    })),
  "dead-letter": async (node) =>
    (await node.deadLetters()).map((it) => ({
      word: it.id,
      help: `from ${labelOf(it.from, it)}`,
    })),
};

/** The name of a peer, or its first digits where the name does not mean it or needs quotes. */
function peerWord(peer: PeerRow): Candidate {
  const { id, name, boundName, nameHeldBy, connected } = peer;
  const own = boundName ?? (nameHeldBy === undefined ? name : undefined);
  const word = own !== undefined && isSafe(own) ? own : shortId(id);
  const state = connected ? "connected" : "away";
  return { word, help: `${labelOf(id, peer)}, ${state}` };
}

function labelOf(id: PeerRow["id"], { name, boundName }: PeerNames): string {
  const isSame = name !== undefined && boundName !== undefined &&
    sameName(name, boundName);
  return peerLabel(id, name, isSame ? undefined : boundName);
}
