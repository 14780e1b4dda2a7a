/**
 * Sends files and folders to another machine. The two find each other by an invite, a line that
 * is used once and lets nobody else in.
 *
 * ```sh
 * deno run -A examples/send_file.ts receive in 192.0.2.7   # prints an invite
 * deno run -A examples/send_file.ts send INVITE photo.jpg notes
 * ```
 */
import { Node } from "../mod.ts";
import {
  type FileProgress,
  receiveFiles,
  sendFile,
} from "../src/services/mod.ts";

/** Waits for one transfer into a folder. */
async function receive(dir: string, host: string): Promise<boolean> {
  // Closed: only the guest of the invite gets a session, so that every offer may be accepted.
  await using node = await Node.start({ host, admission: "closed" });
  console.log(node.admission.invite());
  for await (const step of receiveFiles(node, { dir, accept: () => true })) {
    if (report(step)) return step.done === step.files;
  }
  return false;
}

/** Sends to the host of an invite. */
async function send(
  invite: string,
  paths: readonly string[],
): Promise<boolean> {
  await using node = await Node.start({ invite });
  await node.joined({ timeoutMs: 10_000 });
  const [peer] = node.sessions();
  if (peer === undefined) throw new Error("The host has gone");
  for await (const step of sendFile(node, peer.id, paths)) {
    if (report(step)) return step.done === step.files;
  }
  return false;
}

/** Prints a step; true for the last one. */
function report(
  { type, path, savedAs = path, total, done, files, error }: FileProgress,
): boolean {
  if (type === "done") console.log(`${savedAs}, ${total} bytes`);
  if (error !== undefined) console.error(`${type} ${path}: ${error.message}`);
  if (type === "end") console.log(`${done ?? 0} of ${files} files`);
  return type === "end";
}

const [command, first = "", ...others] = Deno.args;
if (command !== "receive" && command !== "send") {
  console.error("usage: receive DIR [HOST] | send INVITE FILE…");
  Deno.exit(2);
}
const isComplete = command === "receive"
  ? await receive(first, others[0] ?? "127.0.0.1")
  : await send(first, others);
Deno.exit(isComplete ? 0 : 1);
