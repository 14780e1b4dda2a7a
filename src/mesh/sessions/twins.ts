/** Two processes with one key: what a node says of them, and tells the first. */
import type { VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../identity/identity.ts";
import { formatAddress } from "../../transport/address.ts";
import { COMMAND } from "../../wire/commands.ts";
import type { MeshContext } from "../context.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** What one node needs of its context here. */
type TwinContext = Pick<
  MeshContext,
  "emit" | "health" | "identity" | "log" | "table"
>;

/**
 * A session has ended: if because its key runs in another process, this node has turned
 * the second one away, and tells the first, or is the second. Said once, however often
 * it is tried.
 */
export function reportRefusal(
  context: TwinContext,
  link: PeerSession,
  error: VerackError,
): void {
  if (error.code !== "identity-in-use") return;
  const { id } = link.peer;
  const whose = link.pending ? id : "own";
  if (link.pending) {
    const first = context.table.get(id)?.primary;
    first?.session.send(COMMAND.twin, new Uint8Array(0));
  }
  report(context, link, whose, { reason: error.message, actual: id });
}

/** Only a member that turned the other one away knows, and any may lie: told, not acted on. */
export function onTwin(context: TwinContext, link: PeerSession): void {
  const from = shortId(link.peer.id);
  report(context, link, "own", {
    reason:
      `Another process runs with this node's key: ${from} has turned it away`,
    actual: context.identity.id,
  });
}

function report(
  { emit, health, log }: TwinContext,
  link: PeerSession,
  whose: PeerId | "own",
  { reason, actual }: { reason: string; actual: PeerId },
): void {
  if (!health.keyInUse(whose, reason)) return;
  const address = formatAddress(link.dialed ?? link.remoteAddress);
  log.warn("refused", { address, reason });
  emit({ type: "refused", address, reason, actual });
}
