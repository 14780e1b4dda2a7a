/**
 * What a node shows of itself: the control API, the records of `watch`, metrics and telemetry
 * read it here, so that they show the same.
 */
import type { Node } from "../mesh/node.ts";
import type { NodeStatus } from "../mesh/node_status.ts";
import type { PeerInfo, SessionInfo } from "../mesh/peers/peer_info.ts";
import {
  type ForwardingReport,
  forwardingReport,
} from "../services/forwarding/forward_rules.ts";
import { type AllowedUse, allowedUses } from "./allowed_uses.ts";
import type { ControlFigures } from "./answers.ts";

/** The status of a node, with what its services and its control server add to it. */
export function statusAnswer(
  { node, figures }: {
    readonly node: Node;
    readonly figures: () => ControlFigures;
  },
): NodeStatus & {
  readonly control: ControlFigures;
  readonly forwarding?: ForwardingReport;
  readonly allowed?: readonly AllowedUse[];
} {
  const forwarding = forwardingReport(node);
  const allowed = allowedUses(node);
  return {
    ...node.status(),
    control: figures(),
    ...(forwarding !== undefined && { forwarding }),
    ...(allowed.length > 0 && { allowed }),
  };
}

/** All peers and sessions of a node. */
export function peersAnswer(node: Node): {
  readonly peers: PeerInfo[];
  readonly sessions:
    (Omit<SessionInfo, "userAgent"> & { readonly userAgent: string })[];
} {
  const decoder = new TextDecoder();
  const sessions = node.sessions().map(({ userAgent, ...session }) => ({
    ...session,
    userAgent: decoder.decode(userAgent),
  }));
  return { peers: node.peers(), sessions };
}
