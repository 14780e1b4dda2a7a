import { assertEquals } from "@std/assert";
import { tcpTransport } from "../../src/transport/tcp.ts";
import { acceptRetrying } from "../../src/transport/socket_listener.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";

Deno.test("acceptRetrying() tries again with growing pauses and goes on after success", async () => {
  const clock = new VirtualClock();
  const tries: number[] = [];
  const accepting = acceptRetrying(
    () => {
      tries.push(clock.monotonic());
      return tries.length < 12
        ? Promise.reject(new Error("Too many open files"))
        : Promise.resolve("a connection");
    },
    clock,
    new AbortController().signal,
  );
  await clock.advance(10_000);
  assertEquals(await accepting, "a connection");
  const pauses = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
  assertEquals(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000]);
});

Deno.test("acceptRetrying() ends with null when closed, during a pause or an accept", async () => {
  const clock = new VirtualClock();
  const failing = () => Promise.reject(new Error("Too many open files"));
  const pausing = new AbortController();
  const first = acceptRetrying(failing, clock, pausing.signal);
  await clock.advance(3);
  pausing.abort();
  assertEquals(await first, null);
  assertEquals(clock.pending, 0);

  const accepting = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const second = acceptRetrying(() => promise, clock, accepting.signal);
  accepting.abort();
  reject(new Error("Listener has been closed"));
  assertEquals(await second, null);
  assertEquals(await acceptRetrying(failing, clock, pausing.signal), null);
});

for (const kind of ["tcp", "tls"] as const) {
  Deno.test(
    `accept() over ${kind} goes on after the process was out of descriptors`,
    {
      ignore: Deno.build.os !== "linux",
    },
    async () => {
      const own = await makeCertificate(NAME);
      const script = new URL("children/exhausted.ts", import.meta.url).pathname;
      // Deno itself needs some thirty.
      const child = new Deno.Command("sh", {
        args: [
          "-c",
          'ulimit -n 64 && exec "$@"',
          "sh",
          Deno.execPath(),
          "run",
          "--quiet",
          "-A",
          script,
          kind,
          own.certificate.toBase64(),
          own.privateKeyPem,
        ],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(splitLines()).getReader();
      const transport: Transport = kind === "tls"
        ? tlsTransport()
        : tcpTransport();
      try {
        const port = Number((await lines.read()).value);
        // More than it can take: some stay in the kernel's queue, unaccepted.
        const crowd = await Promise.all(
          Array.from(
            { length: 80 },
            () => Deno.connect({ hostname: "127.0.0.1", port }),
          ),
        );
        await until(
          "it is out of descriptors",
          () => [...Deno.readDirSync(`/proc/${child.pid}/fd`)].length >= 64,
        );
        const address = { host: "127.0.0.1", port };
        const pin = { certificate: own.certificate, serverName: NAME };
        crowd.forEach((connection) => connection.close());
        const connection = await transport.dial(address, { pin });
        // The crowd says nothing, which over TCP is served all the same: all 80 of it
        // have been accepted in the end, and then we.
        for (let left = kind === "tls" ? 1 : 81; left > 0; left--) {
          assertEquals((await lines.read()).value, "served");
        }
        connection.close();
      } finally {
        child.kill("SIGKILL");
        await lines.cancel();
        await child.status;
      }
    },
  );
}

Deno.test(
  "a process that listens outlives a lack of descriptors at its start",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    const script = new URL("children/starved.ts", import.meta.url).pathname;
    const { stdout } = await new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n 64 && exec "$0" run -A "$1"`,
        Deno.execPath(),
        script,
      ],
      stderr: "null",
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "alive\n");
  },
);

function splitLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) controller.enqueue(line);
    },
  });
}
