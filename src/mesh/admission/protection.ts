/**
 * The settings that protect a node, remembered in its store: that the mesh is closed,
 * and the key of the network's secret. A later start without them keeps them; only
 * one that says so explicitly does without.
 */
import { logger } from "../../core/log.ts";
import type { NodeStore } from "../peers/node_store.ts";
import { closeRecord } from "./closing.ts";
import {
  type NodeOptions,
  type ResolvedNodeOptions,
  resolveOptions,
  withNetworkKey,
} from "../options.ts";

const CLOSED = new TextEncoder().encode("closed");
/** A setting cannot be taken back, only emptied. */
const NOTHING = new Uint8Array(0);

/**
 * The options, checked, with what earlier starts were told. What this one was told is
 * written down before the node listens.
 *
 * @throws {VerackError} `bad-secret`, or what the store throws when it cannot write.
 * @throws as `resolveOptions`.
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
    if (admission === "closed" && !closedBefore) closeRecord(store);
    if (admission === "open" && closedBefore) {
      log.warn("the mesh is open from now on, as --admission open says", {
        before: "closed",
      });
    }
  } else if (closedBefore) {
    log.warn(
      "the mesh stays closed, as it was before (--admission open opens it)",
    );
  }
  if (secret !== undefined) {
    remember(store, secretName(network), resolved.networkKey ?? NOTHING);
    if (secret === null && oldKey !== undefined) {
      log.warn("the network's secret is not asked for any more");
    }
  } else if (oldKey !== undefined) {
    log.warn(
      "the network's secret is asked for, as before (--secret-file none drops it)",
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

/** A host's welcome has brought a key, in the place of the remembered one. */
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
