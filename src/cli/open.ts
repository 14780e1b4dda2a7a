/** `verack open`: opens the page of a running node in a browser, which it signs in. */
import { utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { openBrowser } from "./open_browser.ts";
import { jsonLine } from "../core/escape.ts";
import { OUTPUT_FLAGS } from "./terminal.ts";

const FLAGS = {
  ...CLIENT_FLAGS,
  print: {
    type: "boolean",
    help: "Print the address only, as --json and --url do",
  },
  signOut: {
    type: "boolean",
    excludes: ["print"],
    help: "Sign all browsers out instead, and end addresses that were not used",
  },
  ...OUTPUT_FLAGS,
} as const;

/** Opens the page. */
export const openCommand: Command = command({
  description: [
    "The page shows the node, its peers and what happens, and controls the node. The " +
    "address signs one browser in, once, within five minutes; it stays signed in for a " +
    "week, or until the node ends.",
    "The address is printed in any case: a browser in a sandbox (snap, Flatpak) may not " +
    "read the file by which it is opened. A node without --http opens a port of " +
    "127.0.0.1 for the page. For a node elsewhere forward that port by ssh -L.",
  ],
  flags: FLAGS,
  examples: [
    ["verack open --data data/alice", "The page of alice, in your browser"],
    [
      "verack open --data data/alice --print",
      "Its address, for a browser that you open yourself",
    ],
    [
      "verack open --data data/alice --sign-out",
      "No browser is signed in any more",
    ],
  ],
  action: open,
});

async function open(
  { flags, terminal: { stdout, stderr } }: Invocation<typeof FLAGS>,
): Promise<ExitCode> {
  const { print, json, signOut, url: remote } = flags;
  if (signOut) {
    const signedOut = await withNode(flags, (node) => node.signOutPages());
    const browsers = signedOut === 1 ? "browser" : "browsers";
    stdout.line(
      json ? jsonLine({ signedOut }) : `signed out  ${signedOut} ${browsers}`,
    );
    return EXIT.success;
  }
  const [link, directory] = await withNode(
    flags,
    async (node) => [await node.pageLink(), node.directory] as const,
  );
  const { url, expiresAt } = link;
  if (json) {
    stdout.line(jsonLine({ url, expiresAt }));
    return EXIT.success;
  }
  // Checked: it is shown, and opened.
  stdout.line(new URL(url).href);
  const until = `It signs one browser in, until ${utcMinute(expiresAt)}.`;
  if (print || remote !== undefined || directory === undefined) {
    stderr.line(until);
    return EXIT.success;
  }
  const outcome = await openBrowser(url, { directory });
  stderr.line(
    outcome.opened
      ? "Opened in your browser. If it shows nothing, open this address in it."
      : `${until} Not opened: ${outcome.why}.`,
  );
  return EXIT.success;
}
