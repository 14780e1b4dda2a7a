/** The listener of a forward at this machine: each connection opens a stream to the peer. */
import { messageOf, VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { TaskSet } from "../../core/task_set.ts";
import { formatAddress } from "../../transport/address.ts";
import { socketAddress } from "../../transport/net_errors.ts";
import {
  acceptRetrying,
  openTcpListener,
} from "../../transport/socket_listener.ts";
import { tuneTcp } from "../../transport/tcp.ts";
import { MAX_FORWARDED_PER_PEER } from "../services_limits.ts";
import type { ForwardRun } from "./forward_run.ts";
import { parseListenAddress } from "./forward_target.ts";
import {
  encodeForwardRequest,
  FORWARD_PROTOCOL,
  ReplyReader,
} from "./forward_wire.ts";

/** A socket of this machine that accepts connections. */
interface LocalListener extends Disposable {
  /** `host:port`, or a path. */
  readonly address: string;
  accept(): Promise<LocalConnection>;
}

/** A connection that was accepted, and its other end. */
interface LocalConnection {
  readonly socket: Deno.Conn;
  readonly from: string;
}

/**
 * Listens until the run is closed or its node has stopped.
 *
 * @param listen `[HOST:]PORT`, or a path with a slash.
 * @returns `done` resolves when it listens no more; it never rejects.
 * @throws {VerackError} `address-in-use`, `address-not-available`, `permission`.
 */
export function listenHere(
  run: ForwardRun,
  listen: string,
): { readonly address: string; readonly done: Promise<void> } {
  const listener = listen.includes("/")
    ? listenUnix(listen)
    : listenTcp(listen);
  const { address } = listener;
  run.events.push({ type: "listening", address });
  return { address, done: acceptUntilClosed(run, listener) };
}

async function acceptUntilClosed(
  run: ForwardRun,
  listener: LocalListener,
): Promise<void> {
  const closing = new AbortController();
  const close = () => {
    closing.abort();
    listener[Symbol.dispose]();
  };
  const tasks = new TaskSet();
  const accepting = acceptAll(run, listener, closing.signal, tasks);
  // Ends with the node, too.
  await run.watchPeer(({ isUp, reason }) =>
    run.events.push(isUp ? { type: "back" } : { type: "lost", reason })
  );
  close();
  await accepting;
  run.traffic.abort(run.signal.reason);
  await tasks.settled();
}

async function acceptAll(
  run: ForwardRun,
  listener: LocalListener,
  closing: AbortSignal,
  tasks: TaskSet,
): Promise<void> {
  for (;;) {
    const accept = () => listener.accept();
    const accepted = await acceptRetrying(accept, run.hub.clock, closing);
    if (accepted === null) return;
    tasks.add(forwardOne(run, accepted));
  }
}

/** Never rejects. */
async function forwardOne(
  run: ForwardRun,
  { socket, from }: LocalConnection,
): Promise<void> {
  const metadata = encodeForwardRequest({ kind: "connect", address: run.to });
  const connect = async () => {
    if (run.traffic.open >= MAX_FORWARDED_PER_PEER) {
      throw new VerackError(
        "full",
        `${MAX_FORWARDED_PER_PEER} connections are forwarded already, must be fewer`,
      );
    }
    run.hub.connections.requireDescriptor();
    const { node, peer, signal } = run;
    const stream = await node.open(peer, FORWARD_PROTOCOL, {
      metadata,
      signal,
    });
    return run.hub.connections.join(stream, socket);
  };
  try {
    await run.carry(from, connect, new ReplyReader("connect"));
  } catch {
    // It was reported.
    socket[Symbol.dispose]();
  }
}

function listenTcp(text: string): LocalListener {
  const listener = openTcpListener(parseListenAddress(text));
  return {
    address: formatAddress(socketAddress(listener.addr)),
    async accept() {
      const socket = await listener.accept();
      const from = formatAddress(socketAddress(socket.remoteAddr));
      try {
        tuneTcp(socket);
      } catch {
        // It is gone already, which reading shows.
      }
      return { socket, from };
    },
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
}

function listenUnix(path: string): LocalListener {
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    const [code, detail] = error instanceof Deno.errors.AddrInUse
      ? [
        "address-in-use",
        "it exists already, remove it if no process listens on it",
      ] as const
      : error instanceof Deno.errors.PermissionDenied ||
          error instanceof Deno.errors.NotCapable
      ? ["permission", messageOf(error)] as const
      : error instanceof Deno.errors.NotFound
      ? ["address-not-available", "its folder does not exist"] as const
      : ["address-not-available", messageOf(error)] as const;
    throw new VerackError(
      code,
      `Cannot listen on ${escapeText(path)}: ${detail}`,
      { cause: error },
    );
  }
  return {
    address: path,
    accept: async () => ({ socket: await listener.accept(), from: path }),
    [Symbol.dispose]() {
      listener[Symbol.dispose]();
      try {
        Deno.removeSync(path);
      } catch {
        // Removed already, or it may not be.
      }
    },
  };
}
