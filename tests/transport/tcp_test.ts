import { assert } from "@std/assert";
import { tcpTransport } from "../../src/transport/tcp.ts";
import { transportContract } from "../contract/transport_contract.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";

transportContract("tcpTransport()", () =>
  Promise.resolve({
    dialer: tcpTransport(),
    listener: tcpTransport(),
    host: "127.0.0.1",
    ...(hasIpv6() ? { ipv6Host: "::1" } : {}),
  }));

Deno.test("a dial that is aborted in the turn in which it succeeds leaves no socket open", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const socket of listener) socket.close();
  })().catch(() => {});
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const transport = tcpTransport();
  let aborted = 0;
  // Only now and then does it abort in the one moment; the sanitizer does the rest.
  for (let i = 0; i < 3_000; i++) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 0);
    const dialing = transport.dial(address, { signal: controller.signal });
    // On a quick machine the timer may never be first.
    if (i % 100 === 0) controller.abort();
    try {
      (await dialing).close();
    } catch {
      aborted++;
    }
    clearTimeout(timer);
  }
  assert(aborted > 0);
  listener.close();
  await accepting;
});
