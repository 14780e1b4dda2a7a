/**
 * What the commands that run a node (`run`, `chat`, `demo`) have in common: their flags for
 * identity, listening and joining, and their output.
 */
import { messageEvent } from "../control/answer_rows.ts";
import type { MessageEvent } from "../control/answers.ts";
import { systemClock } from "../core/clock.ts";
import type { MessagesOptions } from "../delivery/consumer.ts";
import { Identity } from "../identity/identity.ts";
import { parsePeerName } from "../identity/peer_name.ts";
import { parseAdvertised } from "../mesh/listening.ts";
import { MAX_DURATION_MS } from "../mesh/mesh_limits.ts";
import { HEARTBEAT_MS } from "../session/session_limits.ts";
import type { Node } from "../mesh/node.ts";
import type { NodeOptions } from "../mesh/options.ts";
import { parsePeerTarget } from "../mesh/peer_target.ts";
import type { DataDirectory } from "../store/data_directory.ts";
import { DATA_FILES } from "../store/lock_file.ts";
import { formatAddress, parseHost } from "../transport/address.ts";
import { EVERY_IPV4 } from "../transport/listen_all.ts";
import { MAX_LISTEN_HOSTS } from "../transport/transport_limits.ts";
import { grantedEnv } from "./command.ts";
import { DATA_VARIABLE, dataPlace, withOtherPlaces } from "./data_place.ts";
import { descriptors } from "../transport/descriptors.ts";
import { parseNetworkName } from "../wire/frame.ts";
import { MAX_ADDRESSES_PER_ENTRY } from "../wire/wire_limits.ts";
import { ADMISSION_FLAGS, admissionOptions } from "./admission_flags.ts";
import {
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  UsageError,
} from "./flags.ts";
import {
  KEY_FLAGS,
  loadIdentityOfFlags,
  passphraseSource,
} from "./key_flags.ts";
import type { LineWriter } from "./line_writer.ts";
import { RELAY_FLAGS, relayOptions } from "./relay_flags.ts";

/**
 * Shows messages until the node closes or `signal` aborts. Each is acknowledged only when the
 * reader of `output` has read it: until then its sender waits, and it comes again after a
 * restart.
 */
export async function takeMessages(
  node: Node,
  options: MessagesOptions,
  { output, show, signal }: {
    readonly output: LineWriter;
    /** Writes the message to `output`, and publishes it to streams of events. */
    readonly show: (event: MessageEvent) => void;
    /** Aborts when the node is about to close. */
    readonly signal: AbortSignal;
  },
): Promise<void> {
  for await (const message of node.messages(options)) {
    show(messageEvent(message, node.peer(message.from)));
    await output.flushed(signal);
    if (output.failed || signal.aborted) return;
  }
}

/** Pings all peers every `periodMs`, never if that is 0. Returns a function that stops it. */
export function pingEvery(node: Node, periodMs: number): () => void {
  if (periodMs === 0) return () => {};
  let count = 0;
  let cancel = () => {};
  const next = () => {
    cancel = systemClock.after(periodMs, () => {
      next();
      node.ping(`ping ${++count}`);
    });
  };
  next();
  return () => cancel();
}

/** The default address of a node. */
export const DEFAULT_PORT = 8080;

/** Of flags that set a timeout or a period. */
export const DURATION = {
  type: "seconds",
  min: 0.01,
  max: MAX_DURATION_MS / 1_000,
} as const satisfies Partial<FlagSpec>;

/** The flags; `--port` may be another one, with another default. */
export const NODE_FLAGS = {
  name: {
    type: "string",
    short: "n",
    value: "NAME",
    parse: (text: string) => parsePeerName(text),
    help: "Name of the node, for people; it is not verified",
  },
  port: {
    type: "port",
    short: "p",
    min: 0,
    default: DEFAULT_PORT,
    help: "Port to listen on; 0 takes a free one",
  },
  host: {
    type: "list",
    value: "HOST",
    parse: (text: string) => parseHost(text),
    help: "Address to listen on; :: for IPv6 and IPv4 (default: 0.0.0.0)",
  },
  listen: {
    type: "boolean",
    negatable: true,
    excludesIfNegated: ["host", "port", "advertise"],
    help:
      "Accept connections; without, only dial others, a full member all the same",
  },
  connect: {
    type: "list",
    short: "c",
    value: "[ID@]HOST:PORT",
    // Kept as text: it is checked here, and parsed by the node.
    parse: (text: string) => (parsePeerTarget(text), text),
    help:
      "A member to join through, or srv:NAME of SRV records; with an id no other peer will do",
  },
  heartbeat: {
    ...DURATION,
    default: HEARTBEAT_MS / 1_000,
    help: "Ask an idle peer for a sign of life after this long",
  },
  deadAfter: {
    ...DURATION,
    help: "Give a silent peer up after this long (default: 3 heartbeats)",
  },
  advertise: {
    type: "list",
    value: "HOST:PORT",
    parse: (text: string) => formatAddress(parseAdvertised(text)),
    help:
      "Where others reach this node, the best first, if not at the address they see",
  },
  discover: {
    type: "boolean",
    help:
      "Announce the node on the local network, and join those that are found there",
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
    env: DATA_VARIABLE,
    help: "Keep key, known peers and messages there across restarts",
  },
  keep: {
    type: "boolean",
    negatable: true,
    excludes: ["data"],
    help:
      "Keep them where commands look without --data; or nowhere, even with VERACK_DATA",
  },
  ...RELAY_FLAGS,
  ...ADMISSION_FLAGS,
  ...KEY_FLAGS,
} as const satisfies FlagSpecs;

/** Values of {@linkcode NODE_FLAGS} but for the port. */
export type NodeFlagValues = Omit<FlagValues<typeof NODE_FLAGS>, "port">;

/** The flags with the data directory that `--keep` stands for. */
export function withKeptPlace<F extends Pick<NodeFlagValues, "data" | "keep">>(
  flags: F,
): F {
  if (flags.keep !== true) return flags;
  return { ...flags, data: dataPlace(grantedEnv(DATA_VARIABLE)).directory };
}

/** The settings of a node but its port, which only a node has that listens. */
export interface NodeStart extends Disposable {
  readonly options: NodeOptions;
  /** To be called after the node has closed. */
  [Symbol.dispose](): void;
}

/**
 * Reads key, secret and data directory. The user may be asked for a passphrase: handle signals
 * only afterwards, so that Ctrl-C ends the prompt.
 */
export async function nodeStart(flags: NodeFlagValues): Promise<NodeStart> {
  const { name, host, connect, network, heartbeat, deadAfter } = flags;
  const { advertise, listen } = flags;
  if (deadAfter !== undefined && deadAfter <= heartbeat) {
    // The peer would be declared dead before it was pinged.
    throw new UsageError(
      `--dead-after is ${deadAfter}, must be more than --heartbeat (${heartbeat})`,
    );
  }
  checkCount("--host", host, MAX_LISTEN_HOSTS);
  checkCount("--advertise", advertise, MAX_ADDRESSES_PER_ENTRY);
  const given = await loadIdentityOfFlags(flags);
  const admission = await admissionOptions(flags);
  const data = await openData(flags, given);
  return {
    options: {
      identity: data?.identity ?? given ?? await Identity.generate(),
      ...(data && { store: data.store }),
      ...(listen === false ? { listen } : {
        host: host.length > 0 ? host : [EVERY_IPV4],
        advertise,
      }),
      connect,
      network,
      ...admission,
      ...relayOptions(flags),
      heartbeatMs: heartbeat * 1_000,
      ...(deadAfter !== undefined && { deadAfterMs: deadAfter * 1_000 }),
      ...(name !== undefined && { name }),
      ...(flags.discover && { discover: true }),
    },
    [Symbol.dispose]: () => data?.[Symbol.dispose](),
  };
}

/** A flag that may be given several times has at most so many values that differ. */
function checkCount(flag: string, values: readonly string[], most: number) {
  const { size } = new Set(values);
  if (size <= most) return;
  throw new UsageError(
    `${flag} is given with ${size} addresses, must be at most ${most}`,
  );
}

async function openData(
  flags: NodeFlagValues,
  identity: Identity | undefined,
): Promise<DataDirectory | undefined> {
  const { data, network } = flags;
  if (data === undefined) return undefined;
  descriptors.countBy(data);
  const { DataDirectory } = await import("../store/data_directory.ts");
  try {
    return await DataDirectory.open(data, {
      network,
      passphrase: passphraseSource(flags, `${data}/${DATA_FILES.key}`),
      ...(identity !== undefined && { identity }),
    });
  } catch (error) {
    throw withOtherPlaces(error, dataPlace(data));
  }
}
