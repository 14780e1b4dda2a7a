import { assertEquals, assertRejects } from "@std/assert";
import { openAddressFile, readAddresses } from "../../src/cli/probe_source.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { formatAddress } from "../../src/transport/address.ts";

const encoder = new TextEncoder();

/** Addresses and faults of a file with that content, which comes in these pieces. */
async function read(
  ...pieces: string[]
): Promise<{ addresses: string[]; faults: string[] }> {
  const faults: string[] = [];
  const addresses: string[] = [];
  const file = {
    name: "nodes.txt",
    stream: ReadableStream.from(pieces.map((it) => encoder.encode(it))),
  };
  const options = {
    defaultPort: 8333,
    onBadLine: (fault: string) => void faults.push(fault),
    signal: new AbortController().signal,
  };
  for await (const address of readAddresses(file, options)) {
    addresses.push(formatAddress(address));
  }
  return { addresses, faults };
}

Deno.test("readAddresses() takes one address a line, without port the network's", async () => {
  const { addresses, faults } = await read(
    "10.0.0.1\nexample.org:18333\n[2001:db8::1]:8334\n2001:db8::2",
  );
  assertEquals(addresses, [
    "10.0.0.1:8333",
    "example.org:18333",
    "[2001:db8::1]:8334",
    "[2001:db8::2]:8333",
  ]);
  assertEquals(faults, []);
});

Deno.test("readAddresses() skips empty lines and comments, and bears CRLF, blanks and a byte order mark", async () => {
  const { addresses, faults } = await read(
    "\ufeff10.0.0.1:1\r\n\r\n  \n# all of ours\n10.0.0.2:2 # the slow one\r\n\t10.0.0.3:3 ",
  );
  assertEquals(addresses, ["10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"]);
  assertEquals(faults, []);
});

Deno.test("readAddresses() reports a line that is no address with its number and goes on", async () => {
  const { addresses, faults } = await read(
    "10.0.0.1:1\n10.0.0.256:1\n\nhost:99999\n10.0.0.2:2\n",
  );
  assertEquals(addresses, ["10.0.0.1:1", "10.0.0.2:2"]);
  assertEquals(faults.map((it) => it.split(": ")[0]), [
    "nodes.txt:2",
    "nodes.txt:4",
  ]);
});

Deno.test("readAddresses() escapes what it reports and bounds it", async () => {
  const { faults } = await read(`\x1b[2J\u202e${"x".repeat(1_000_000)}\n`);
  assertEquals(faults.length, 1);
  assertEquals(/^[\x20-\x7e…]{1,330}$/.test(faults[0]!), true, faults[0]);
});

Deno.test("readAddresses() puts lines together that come in pieces", async () => {
  const text = "10.0.0.1:1\n10.0.0.2:2\n";
  const { addresses } = await read(...text);
  assertEquals(addresses, ["10.0.0.1:1", "10.0.0.2:2"]);
});

Deno.test("readAddresses() reads no further than it is asked to", async () => {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(encoder.encode(`10.0.0.${pulled % 250}:1\n`));
    },
  }, { highWaterMark: 0 });
  const options = {
    defaultPort: 1,
    onBadLine: () => {},
    signal: new AbortController().signal,
  };
  let taken = 0;
  for await (const _ of readAddresses({ name: "endless", stream }, options)) {
    if (++taken === 100) break;
  }
  assertEquals(pulled < 120, true, `${pulled}`);
});

Deno.test("readAddresses() ends when the signal aborts while nothing comes", async () => {
  const abort = new AbortController();
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("10.0.0.1:1\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  const options = { defaultPort: 1, onBadLine: () => {}, signal: abort.signal };
  const addresses: string[] = [];
  for await (const it of readAddresses({ name: "stdin", stream }, options)) {
    addresses.push(it.host);
    queueMicrotask(() => abort.abort());
  }
  assertEquals(addresses, ["10.0.0.1"]);
  assertEquals(cancelled, true);
});

Deno.test("readAddresses() throws what the file throws in its middle", async () => {
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("disk gone")),
  });
  const options = {
    defaultPort: 1,
    onBadLine: () => {},
    signal: new AbortController().signal,
  };
  await assertRejects(
    async () => {
      for await (const _ of readAddresses({ name: "disk", stream }, options));
    },
    Error,
    "disk gone",
  );
});

Deno.test("openAddressFile() says on the command line's terms what cannot be read", async () => {
  await assertRejects(
    () => openAddressFile("/nowhere/\x1b[2J.txt"),
    UsageError,
    '--file cannot be read: there is no such file "/nowhere/\\u{1b}[2J.txt"',
  );
  await assertRejects(
    () => openAddressFile(new URL(".", import.meta.url).pathname),
    UsageError,
    "is a directory",
  );
});
