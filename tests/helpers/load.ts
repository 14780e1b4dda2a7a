/** Two nodes that do all that a node counts: messages, requests, streams, files, forwarding. */
import type { Node } from "../../src/mesh/node.ts";
import {
  allowForwarding,
  forward,
  receiveFiles,
  sendFile,
} from "../../src/services/mod.ts";

/** Has `node` and `peer`, which are connected, use each other; resolves when all of it is over. */
export async function useEachOther(node: Node, peer: Node): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const consumed = [node, peer].map((one) => one.consume(() => {}, { signal }));
  using _echo = peer.serve("echo", (body) => body);
  using _fail = peer.serve("fail", () => {
    throw new Error("It fails");
  });
  const to = peer.identity.id;
  await Promise.all([
    ...Array.from(
      { length: 500 },
      (_, index) => node.send(to, `message ${index}`),
    ),
    ...Array.from(
      { length: 200 },
      (_, index) => peer.send(node.identity.id, "x".repeat(index * 100)),
    ),
    ...Array.from(
      { length: 100 },
      (_, index) => node.request(to, "echo", index),
    ),
    node.request(to, "fail").catch(() => {}),
    node.request(to, "nothing").catch(() => {}),
    sendOneFile(node, peer),
    forwardOnce(node, peer),
  ]);
  stop.abort();
  await Promise.all(consumed);
}

async function sendOneFile(node: Node, peer: Node): Promise<void> {
  const out = await Deno.makeTempDir();
  const into = await Deno.makeTempDir();
  try {
    const from = [node.identity.id];
    const path = `${out}/file`;
    await Deno.writeFile(path, new Uint8Array(300_000).fill(7));
    const stop = new AbortController();
    const { signal } = stop;
    const received = (async () => {
      for await (const _ of receiveFiles(peer, { dir: into, from, signal }));
    })();
    for await (const _ of sendFile(node, peer.identity.id, path));
    stop.abort();
    await received;
  } finally {
    await Deno.remove(out, { recursive: true });
    await Deno.remove(into, { recursive: true });
  }
}

async function forwardOnce(node: Node, peer: Node): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = (async () => {
    using connection = await listener.accept();
    await connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  using _allowed = allowForwarding(peer, { connect: [`${port}`] });
  await using tunnel = await forward(node, {
    listen: "127.0.0.1:0",
    peer: peer.identity.id,
    to: `${port}`,
  });
  const at = tunnel.address.slice(tunnel.address.lastIndexOf(":") + 1);
  const connection = await Deno.connect({ port: Number(at) });
  await connection.write(new Uint8Array(10_000));
  await connection.closeWrite();
  await new Response(connection.readable).bytes();
  await served;
}
