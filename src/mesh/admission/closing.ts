/**
 * What closing an open mesh makes of its record. In an open mesh any stranger is put
 * on record, which in a closed one would admit it for good, and all that it admits.
 */
import { shortId } from "../../core/peer_id.ts";
import { logger } from "../../core/log.ts";
import { MAX_LISTED_MEMBERS } from "../../core/core_limits.ts";
import type { NodeStore, StoredPeer } from "../peers/node_store.ts";
import { isTrusted } from "../peers/standing.ts";
import { AccessRules } from "../peers/access_rules.ts";
import { staysMember } from "./admission_policy.ts";
import { JoinRequests } from "./join_requests.ts";

/**
 * Keeps the peers with standing and those that a member attests; the others become
 * join requests, for a person to decide.
 */
export function closeRecord(store: NodeStore): void {
  const requests = new JoinRequests(store);
  const rules = new AccessRules(store);
  const stay: StoredPeer[] = [];
  let moved = 0;
  // Seen last at the end, as they would have come.
  for (const peer of store.peers().toReversed()) {
    const rule = rules.of(peer.id);
    const stays = staysMember({
      attested: peer.attestation.length > 0,
      isTrusted: isTrusted({
        configured: peer.trust === "pinned" ||
          peer.addresses.some(({ configured }) => configured),
        allowed: rule === "allowed",
        earned: peer.earnedStanding,
      }),
    });
    if (stays) stay.push(peer);
    else {
      store.deletePeer(peer.id);
      if (rule === undefined && !peer.ephemeral) {
        list(requests, peer);
        moved++;
      }
    }
  }
  const names = stay.slice(0, MAX_LISTED_MEMBERS).map(({ id, name }) =>
    name === "" ? shortId(id) : `${name} (${shortId(id)})`
  );
  logger("mesh").warn("the mesh is closed from now on", {
    members: stay.length,
    ...(names.length > 0 && { first: names.join(", ") }),
    requests: moved,
  });
}

function list(requests: JoinRequests, peer: StoredPeer): void {
  const { id, certificate, addresses: [best], lastSeen } = peer;
  const address = best?.address ?? { host: "0.0.0.0", port: 0 };
  requests.add({
    id,
    certificate,
    address,
    direction: "inbound",
    lastSeen,
  });
}
