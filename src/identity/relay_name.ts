/** The relay of a session as events and answers show it. */
import type { PeerId } from "../core/peer_id.ts";
import type { PeerNames } from "./peer_name.ts";

/** The member that relays a session, and its name. */
export interface NamedRelay {
  readonly via: PeerId;
  /** The name that the user has given it, or else that it advertises; not escaped. */
  readonly viaName?: string;
}

/** The relay and its name; nothing of a direct session. */
export function namedRelay(
  via: PeerId | undefined,
  names: { of(id: PeerId): PeerNames },
): Partial<NamedRelay> {
  if (via === undefined) return {};
  const { boundName, name } = names.of(via);
  const viaName = boundName ?? name ?? "";
  return { via, ...(viaName !== "" && { viaName }) };
}
