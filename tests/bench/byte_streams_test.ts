import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import type { StreamKind } from "./byte_streams/byte_stream.ts";
import { StreamPair, WAY_OF } from "./byte_streams/stream_pair.ts";
import { FilePlace } from "./file_place.ts";
import { hasNetcat, netcat } from "./netcat.ts";
import { through, type TunnelKind } from "./tunnel.ts";

const SETTINGS = { networks: undefined };
const FILE_BYTES = 300_001;
const KINDS: readonly StreamKind[] = ["verack", "bare", "tcp"];
const TUNNELS: readonly TunnelKind[] = ["verack", "bare"];

Deno.test.each(KINDS)(
  "streams of %s carry requests, bulk data and a file",
  async (kind) => {
    await using files = new FilePlace(FILE_BYTES);
    const source = await files.source(FILE_BYTES);
    await using receiver = await files.receiver();
    await using pair = await StreamPair.start(
      { kind, receiveDir: receiver.path },
      SETTINGS,
      { folders: [join(source, ".."), receiver.path] },
    );
    for (const way of [WAY_OF[kind], "echo", "stream"]) {
      const times = await pair.call<number[]>("requests", way, 3);
      assertEquals(times.length, 3);
    }
    await pair.call("hold", 5);
    for (const direction of ["send", "receive"]) {
      assert(await pair.call<number>("bulk", direction, 1, 3) > 0);
    }
    const beside = ["requestsBeside", WAY_OF[kind], 3] as const;
    assert((await pair.call<number[]>(...beside, null)).length > 0);
    await pair.call<number[]>(...beside, source);
    const names = [...Deno.readDirSync(receiver.path)].filter((it) =>
      it.isFile
    );
    for (const { name } of names) {
      const copy = await Deno.readFile(join(receiver.path, name));
      assertEquals(copy, await Deno.readFile(source));
    }
    assert(names.length > 0);
  },
);

Deno.test.each(["verack", "bare"] as const)(
  "Web Streams of %s carry bulk data",
  async (kind) => {
    await using pair = await StreamPair.start({ kind, web: true }, SETTINGS);
    for (const direction of ["send", "receive"]) {
      assert(await pair.call<number>("bulk", direction, 1, 1) > 0);
    }
  },
);

Deno.test.each(TUNNELS)("a port is forwarded by relays of %s", async (kind) => {
  await using pair = await StreamPair.start({ kind: "tcp" }, SETTINGS, {
    through: through(kind),
  });
  for (const way of ["echo", "stream"]) {
    const times = await pair.call<number[]>("requests", way, 3);
    assertEquals(times.length, 3);
  }
  assert(await pair.call<number>("bulk", "send", 1, 1) > 0);
});

Deno.test({
  name: "a file is copied by netcat",
  ignore: !await hasNetcat(),
  fn: async () => {
    await using files = new FilePlace(FILE_BYTES);
    const source = await files.source(FILE_BYTES);
    await using receiver = await files.receiver();
    const copy = join(receiver.path, "copy");
    assert(await netcat(source, copy) > 0);
    assertEquals(await Deno.readFile(copy), await Deno.readFile(source));
  },
});
