/**
 * A full mesh in one process: nodes of verack that find each other through the
 * first one, or bare sockets that connect the same pairs.
 */
import type { Kind, OpeningSizes } from "../contestant.ts";
import type { TlsEndpoint } from "../contestants/credentials.ts";
import { serve } from "../serve.ts";

/** A mesh that is not complete by then is given up. */
const COMPLETE_MS = 30_000;

/** A mesh that stands. */
interface Mesh {
  /** Infinite if it does not. From the first listening socket to the last handshake, milliseconds. */
  readonly elapsedMs: number;
  close(): Promise<void>;
}

const [kind, opening] = Deno.args as [Kind, string];
const build: (nodes: number, opens: boolean) => Promise<Mesh> = kind === "bare"
  ? await bareBuilder()
  : await verackBuilder();

/**
 * Every node dials every one before it, all at once. Complete when both ends'
 * handshakes are, and, if it `opens`, the exchange of four messages.
 */
async function bareBuilder(): Promise<typeof build> {
  const { BareLink, dialBare, listenBare, openAsAcceptor, openAsDialer } =
    await import("../contestants/bare.ts");
  const { makeCredentials } = await import("../contestants/credentials.ts");
  const sizes = JSON.parse(opening) as OpeningSizes;
  return async (nodes, opens) => {
    const credentials = await Promise.all(
      Array.from({ length: nodes }, makeCredentials),
    );
    const links: { close(): void }[] = [];
    const accepted = Promise.withResolvers<void>();
    let left = nodes * (nodes - 1) / 2;
    const countDown = () => {
      if (--left === 0) accepted.resolve();
    };
    const accept = async (conn: Deno.TlsConn) => {
      await conn.handshake();
      const link = new BareLink(conn);
      links.push(link);
      if (opens) openAsAcceptor(link, sizes, countDown);
      else countDown();
    };
    const serveAll = async (listener: Deno.TlsListener) => {
      // Other programs that happen to dial this port do not count.
      for await (const conn of listener) accept(conn).catch(() => {});
    };
    const dial = async (endpoint: TlsEndpoint) => {
      const link = new BareLink(await dialBare(endpoint));
      links.push(link);
      if (opens) await openAsDialer(link, sizes, true);
    };
    const started = performance.now();
    const listeners = credentials.map(listenBare);
    listeners.forEach(serveAll);
    const endpoints = listeners.map((listener, i): TlsEndpoint => ({
      port: listener.addr.port,
      certificate: credentials[i]!.cert,
      serverName: credentials[i]!.serverName,
    }));
    const dials = endpoints.flatMap((endpoint, i) =>
      Array.from({ length: i }, () => dial(endpoint))
    );
    await Promise.all([...dials, accepted.promise]);
    const elapsedMs = performance.now() - started;
    return {
      elapsedMs,
      close: () => {
        for (const listener of listeners) listener.close();
        for (const link of links) link.close();
        return Promise.resolve();
      },
    };
  };
}

/** The first node knows no other, the others know the first; all start at once. */
async function verackBuilder(): Promise<typeof build> {
  const { Identity, Node } = await import("../../../mod.ts");
  return async (count) => {
    const identities = await Promise.all(
      Array.from({ length: count }, () => Identity.generate()),
    );
    const started = performance.now();
    const [first, ...others] = identities;
    const seed = await Node.start({ identity: first! });
    const nodes = [
      seed,
      ...await Promise.all(
        others.map((identity) =>
          Node.start({ identity, connect: [seed.address] })
        ),
      ),
    ];
    const signal = AbortSignal.timeout(COMPLETE_MS);
    const complete = await Promise.all(nodes.map(async (node) => {
      const connected = node.peers().filter((peer) => peer.connected).length;
      if (connected === count - 1) return true;
      for await (const event of node.events({ signal })) {
        if (event.type === "mesh" && event.sessions === count - 1) return true;
      }
      return false;
    }));
    const elapsedMs = complete.includes(false)
      ? Infinity
      : performance.now() - started;
    return {
      elapsedMs,
      close: async () => {
        await Promise.all(nodes.map((node) => node.close({ abrupt: true })));
      },
    };
  };
}

/** Time to a complete mesh, milliseconds; infinite, in JSON null, if it takes too long. */
async function complete(nodes: number, opens = true): Promise<number> {
  const mesh = await build(nodes, opens);
  await mesh.close();
  return mesh.elapsedMs;
}

/** Memory that a session takes when the mesh idles, both ends together, bytes; null if it does not stand. */
async function memory(nodes: number, idleMs: number): Promise<number | null> {
  // What is needed once, compiled code above all, is not charged to the sessions.
  await complete(10);
  const before = await settledRss(idleMs);
  const mesh = await build(nodes, true);
  const after = await settledRss(idleMs);
  await mesh.close();
  if (mesh.elapsedMs === Infinity) return null;
  return (after - before) / (nodes * (nodes - 1) / 2);
}

/** Resident memory after garbage collection; needs `--expose-gc`. */
async function settledRss(idleMs: number): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, idleMs / 3));
    gc?.();
  }
  return Deno.memoryUsage().rss;
}

await serve({ complete, memory });
