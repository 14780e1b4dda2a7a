/**
 * A chat with standard input from a pipe or file: each line is sent to all once the mesh is
 * joined, and at the end all connected peers with standing must have acknowledged it, or any
 * peer if none has standing: a stranger that acknowledges nothing does not make it fail.
 */
import type { Clock } from "../../core/clock.ts";
import { MAX_BODY_BYTES } from "../../wire/wire_limits.ts";
import { CHAT_SETTLE_MS, MAX_CHAT_LINES_IN_FLIGHT } from "../cli_limits.ts";
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { BroadcastResult } from "../../delivery/broadcast.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Node } from "../../mesh/node.ts";
import { linesOf } from "../lines.ts";
import { CHAT_TOPIC, type ChatLines } from "./chat_lines.ts";

/** Settings of {@linkcode sayLines}. */
export interface PipedSettings {
  readonly node: Node;
  readonly lines: ChatLines;
  readonly clock: Clock;
  readonly input: ReadableStream<Uint8Array>;
  /** For joining and for the acknowledgements at the end, each, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether unacknowledged messages outlive the node. */
  readonly keeps: boolean;
  /** Shows a notice. */
  readonly show: (text: string) => void;
  /** Ends the chat. */
  readonly signal: AbortSignal;
}

/**
 * Sends all lines of the input. Returns whether all peers with standing have got, or will get,
 * all of them; throws `timeout` when no peer was reached.
 */
export async function sayLines(settings: PipedSettings): Promise<boolean> {
  const { node, input, timeoutMs, show, signal } = settings;
  try {
    // With an address it rejects with the error there; without, it resolves at once.
    await node.joined({ timeoutMs, signal });
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
  await allPresent(settings);
  const inFlight = new TaskSet();
  const waiting = new Set<PeerId>();
  let isLost = false;
  let failed = 0;
  let count = 0;
  const settle = (number: number, said: BroadcastResult) => {
    for (const id of said.waiting) waiting.add(id);
    const counts = (id: PeerId) =>
      said.delivered.length === 0 || (node.peer(id)?.standing ?? false);
    isLost ||= said.waiting.some(counts);
    const unheard =
      said.delivered.length + said.waiting.length + said.failed.length === 0;
    if (unheard || said.failed.some(({ id }) => counts(id))) failed++;
    if (unheard) show(`line ${number} was sent to no peer`);
    else if (said.failed.length > 0) {
      show(`line ${number} does not reach ${said.failed.length} of the others`);
    }
  };
  // One character more than a line may have, so that a longer one is reported.
  for await (const line of linesOf(input, MAX_BODY_BYTES + 1)) {
    if (signal.aborted) return false;
    const number = ++count;
    const options = { topic: CHAT_TOPIC, waitMs: timeoutMs };
    const said = node.broadcast(line.replace(/\r$/, ""), options)
      .then((said) => settle(number, said), (error) => {
        if (!(error instanceof RangeError)) throw error;
        failed++;
        show(`line ${number}: ${error.message}`);
      });
    inFlight.add(said);
    if (inFlight.size >= MAX_CHAT_LINES_IN_FLIGHT) await inFlight.next();
  }
  await inFlight.settled();
  const isKept = tellWaiting(settings, waiting);
  return (isKept || !isLost) && failed === 0;
}

/** Names the peers without an acknowledgement; false if their messages are lost now. */
function tellWaiting(
  { node, lines, keeps, show }: PipedSettings,
  waiting: ReadonlySet<PeerId>,
): boolean {
  // Some may have returned and acknowledged it meanwhile.
  const { messages } = node.outbox;
  if (messages === 0 || waiting.size === 0) return true;
  const what = `${messages} ${messages === 1 ? "message" : "messages"}`;
  const peers = lines.list([...waiting]);
  show(
    keeps
      ? `${what} kept until the next start, for ${peers}`
      : `${what} given up: not acked by ${peers}; --data DIR would keep them`,
  );
  return keeps;
}

/**
 * Resolves when this node has been connected to all known peers for a moment; after the
 * timeout, if it is connected to any.
 */
async function allPresent(
  { node, clock, timeoutMs, signal }: PipedSettings,
): Promise<void> {
  const enough = new AbortController();
  const ends = AbortSignal.any([enough.signal, signal]);
  const cancel = clock.after(timeoutMs, () => enough.abort());
  let cancelSettle = () => {};
  for await (const event of node.events({ signal: ends })) {
    if (event.type !== "mesh") continue;
    cancelSettle();
    const { nodes, sessions } = event;
    if (sessions === 0 || sessions < nodes - 1) continue;
    cancelSettle = clock.after(CHAT_SETTLE_MS, () => enough.abort());
  }
  cancel();
  cancelSettle();
  if (signal.aborted || node.sessions().length > 0) return;
  throw new VerackError(
    "timeout",
    `Cannot join: no peer was reached within ${timeoutMs / 1_000} s`,
  );
}
