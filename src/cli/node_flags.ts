/**
 * The flags that say what a node is, where it listens and which peers it joins, and what
 * they mean; shared by all commands that run a node. What it does is theirs.
 */
import { Identity } from "../identity/identity.ts";
import { parsePeerName } from "../identity/peer_name.ts";
import { MAX_DURATION_MS } from "../limits.ts";
import { HEARTBEAT_MS } from "../session/session_limits.ts";
import { type NodeOptions, parseNetworkName } from "../mesh/options.ts";
import { parsePeerTarget } from "../mesh/peers/peer_target.ts";
import type { DataDirectory } from "../store/data_directory.ts";
import { descriptors } from "../transport/descriptors.ts";
import { DATA_FILES } from "../store/lock_file.ts";
import {
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { ADMISSION_FLAGS, admissionOptions } from "./admission_flags.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";
import {
  KEY_FLAGS,
  loadIdentityOfFlags,
  passphraseSource,
} from "./key_flags.ts";

/** Where a node listens, unless told. */
export const DEFAULT_PORT = 8080;

/** The flags; `--port` may be another one, with another default. */
export const NODE_FLAGS = {
  name: {
    type: "string",
    short: "n",
    value: "NAME",
    parse: (text: string) => parsePeerName(text),
    help: "What the node calls itself, for people; proves nothing",
  },
  port: {
    type: "port",
    short: "p",
    value: "PORT",
    min: 0,
    default: DEFAULT_PORT,
    help: "Port to listen on; 0 takes a free one",
  },
  host: {
    type: "string",
    value: "HOST",
    default: "0.0.0.0",
    parse: (text: string) => parseHost(text),
    help: "Address to listen on; :: for IPv6 and IPv4",
  },
  connect: {
    type: "list",
    short: "c",
    value: "[ID@]HOST:PORT",
    // Kept as text: the node parses it again, and here it is only judged.
    parse: (text: string) => (parsePeerTarget(text), text),
    help: "A member to join through; with an identity nobody else will do",
  },
  heartbeat: {
    type: "seconds",
    value: "S",
    min: 0.01,
    max: MAX_DURATION_MS / 1_000,
    default: HEARTBEAT_MS / 1_000,
    help: "Ask an idle peer for a sign of life after this long",
  },
  deadAfter: {
    type: "seconds",
    value: "S",
    min: 0.01,
    max: MAX_DURATION_MS / 1_000,
    help: "Give a silent peer up after this long (default: 3 heartbeats)",
  },
  advertise: {
    type: "string",
    value: "HOST:PORT",
    parse: (text: string) => formatAddress(parseAddress(text)),
    help: "Where others reach this node, if not at the address they see",
  },
  network: {
    type: "string",
    value: "NAME",
    default: "main",
    parse: (text: string) => parseNetworkName(text),
    help: "Name of the mesh; nodes of different names never meet",
  },
  data: {
    type: "path",
    short: "d",
    value: "DIR",
    help: "Keep key, known peers and messages there across restarts",
  },
  ...ADMISSION_FLAGS,
  ...KEY_FLAGS,
} as const satisfies FlagSpecs;

/** Values of {@linkcode NODE_FLAGS} but for the port. */
export type NodeFlagValues = Omit<FlagValues<typeof NODE_FLAGS>, "port">;

/** All that a node starts from but its port. */
export interface NodeStart extends Disposable {
  readonly options: NodeOptions;
  /** To be called after the node has closed. */
  [Symbol.dispose](): void;
}

/**
 * Reads key, secret and data directory. A person may be asked for a passphrase:
 * signals are to be listened to afterwards, so that Ctrl-C ends the question.
 */
export async function nodeStart(flags: NodeFlagValues): Promise<NodeStart> {
  const { name, host, connect, network, heartbeat, deadAfter, advertise } =
    flags;
  if (deadAfter !== undefined && deadAfter <= heartbeat) {
    // The peer would be given up before it was asked.
    throw new UsageError(
      `--dead-after is ${deadAfter}, must be more than --heartbeat (${heartbeat})`,
    );
  }
  const given = await loadIdentityOfFlags(flags);
  const admission = await admissionOptions(flags);
  const data = await openData(flags, given);
  return {
    options: {
      identity: data?.identity ?? given ?? await Identity.generate(),
      ...(data && { store: data.store }),
      host,
      connect,
      network,
      ...admission,
      heartbeatMs: heartbeat * 1_000,
      ...(deadAfter !== undefined && { deadAfterMs: deadAfter * 1_000 }),
      ...(name !== undefined && { name }),
      ...(advertise !== undefined && { advertise }),
    },
    [Symbol.dispose]: () => data?.[Symbol.dispose](),
  };
}

async function openData(
  flags: NodeFlagValues,
  identity: Identity | undefined,
): Promise<DataDirectory | undefined> {
  const { data, network } = flags;
  if (data === undefined) return undefined;
  descriptors.countBy(data);
  const { DataDirectory } = await import("../store/data_directory.ts");
  return await DataDirectory.open(data, {
    network,
    passphrase: passphraseSource(flags, `${data}/${DATA_FILES.key}`),
    ...(identity !== undefined && { identity }),
  });
}
