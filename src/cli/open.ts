/** `verack open`: an address of a running node's page that signs one browser in. */
import { answerCommand } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";

/** Opens the page. */
export const openCommand: Command = answerCommand({
  description: [
    "Prints an address of the page at which the node is shown and controlled in a " +
    "browser. It signs one browser in, once, within five minutes.",
  ],
  flags: CLIENT_FLAGS,
  examples: [["verack open --data data/alice", "The page of alice"]],
  ask: (flags) => withNode(flags, (node) => node.pageLink()),
  lines: ({ url }) => [url],
});
