/**
 * The settings that protect a node, remembered in its store: that the mesh is closed,
 * and the key of the network's secret. A later start without them keeps them; only explicit
 * options remove them. When an open mesh is closed, strangers on record become join requests.
 */
import { MAX_LISTED_MEMBERS } from "../../core/core_limits.ts";
import { logger } from "../../core/log.ts";
import { shortId } from "../../core/peer_id.ts";
import { staysMember } from "./admission_policy.ts";
import { JoinRequests } from "./join_requests.ts";
import {
  type NodeOptions,
  type ResolvedNodeOptions,
  resolveOptions,
  withNetworkKey,
} from "../options.ts";
import { AccessRules } from "../peers/access_rules.ts";
import type { NodeStore, StoredPeer } from "../peers/node_store.ts";
import { gradeOf } from "../peers/standing.ts";

const CLOSED = new TextEncoder().encode("closed");
/**
 * Whether this record has no strangers: it was closed, and the store not used by an open mesh
 * since. Not copied to another record with the settings, and of all networks, as the record is.
 */
const RECORD = "record.admission";
/** A setting cannot be deleted, only emptied. */
const NOTHING = new Uint8Array(0);

/**
 * The options, checked, with the settings of earlier starts. Those of this start are stored
 * before the node listens.
 */
export async function protectedOptions(
  options: NodeOptions,
): Promise<ResolvedNodeOptions> {
  const log = logger("mesh");
  const { secret } = options;
  const resolved = await withNetworkKey(resolveOptions(options), options);
  const { store, admission, network } = resolved;
  const closedBefore = wasClosed(store, network);
  const oldKey = recall(store, secretName(network));
  if (admission !== undefined) {
    const given = admission === "closed" ? CLOSED : NOTHING;
    remember(store, admissionName(network), given);
    if (admission === "closed" && !closedBefore) {
      log.warn("the mesh is closed from now on");
    }
    if (admission === "open" && closedBefore) {
      log.warn("the mesh is open from now on, as the start says", {
        before: "closed",
      });
    }
  } else if (closedBefore) {
    log.warn(
      'the mesh stays closed, as it was before (admission: "open" opens it)',
    );
  }
  if (secret !== undefined) {
    remember(store, secretName(network), resolved.networkKey ?? NOTHING);
    if (secret === null && oldKey !== undefined) {
      log.warn("the network's secret is not required any more");
    }
  } else if (oldKey !== undefined) {
    log.warn(
      "the network's secret is required, as before (secret: null drops it)",
    );
  }
  store.commit();
  const remembered = secret === undefined ? oldKey : undefined;
  return {
    ...resolved,
    admission: admission ?? (closedBefore ? "closed" : undefined),
    networkKey: resolved.networkKey ?? remembered,
    keyIsRemembered: remembered !== undefined,
  };
}

/** Whether an earlier start has closed the mesh, and none has opened it since. */
export function wasClosed(store: NodeStore, network: string): boolean {
  return recall(store, admissionName(network)) !== undefined;
}

/**
 * The mesh is closed or open from now on: closes a record to which strangers came. Called
 * before the record is loaded.
 */
export function followAdmission(store: NodeStore, closed: boolean): void {
  if (closed && recall(store, RECORD) === undefined) closeRecord(store);
  remember(store, RECORD, closed ? CLOSED : NOTHING);
  store.commit();
}

/** A host's welcome has brought a key, which replaces the stored one. */
export function forgetSecret(store: NodeStore, network: string): void {
  remember(store, secretName(network), NOTHING);
}

function recall(
  store: NodeStore,
  name: string,
): Uint8Array<ArrayBuffer> | undefined {
  const value = store.setting(name);
  return value?.length ? value : undefined;
}

function remember(
  store: NodeStore,
  name: string,
  value: Uint8Array<ArrayBuffer>,
): void {
  const before = store.setting(name) ?? NOTHING;
  if (before.toHex() !== value.toHex()) store.putSetting(name, value);
}

/** Each network has its own: a peer admitted to one is not admitted to another. */
function admissionName(network: string): string {
  return `protection.admission ${network}`;
}

function secretName(network: string): string {
  return `protection.secret ${network}`;
}

/**
 * Keeps the peers with standing and those that a member attests; the others become join
 * requests.
 */
function closeRecord(store: NodeStore): void {
  const requests = new JoinRequests(store);
  const rules = new AccessRules(store);
  const stay: StoredPeer[] = [];
  let moved = 0;
  // Seen last at the end, as in the order of arrival.
  const peers = store.peers().toReversed();
  for (const peer of peers) {
    const rule = rules.of(peer.id);
    const stays = staysMember({
      attested: peer.attestation.length > 0,
      isTrusted: gradeOf({
        configured: peer.trust === "pinned" ||
          peer.addresses.some(({ configured }) => configured),
        allowed: rule === "allowed",
        earned: peer.earnedStanding,
        upForLong: peer.upForLong,
      }) === "trusted",
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
  if (peers.length === 0) return;
  const names = stay.slice(0, MAX_LISTED_MEMBERS).map(({ id, name }) =>
    name === "" ? shortId(id) : `${name} (${shortId(id)})`
  );
  logger("mesh").warn(
    "the mesh is closed: members on record stay, strangers are removed",
    {
      members: stay.length,
      ...(names.length > 0 && { first: names.join(", ") }),
      removed: peers.length - stay.length,
      requests: moved,
    },
  );
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
