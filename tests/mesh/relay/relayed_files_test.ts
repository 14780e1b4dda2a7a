/** A file goes on over another relay when its own dies, over real sockets and TLS. */
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../src/mesh/node.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import { patternBytes, ProgressLog } from "../../helpers/file_transfers.ts";
import { cutTransport } from "../../helpers/hand_relay.ts";
import { until } from "../../helpers/until.ts";

/** Bytes of the file: at the rate of a relay below some seconds' worth. */
const FILE_BYTES = 6_000_000;

Deno.test("a file goes on where it was when its relay is killed, and requests are answered on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "verack-relayed-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const cut = new Set<number>();
  const transport = cutTransport((port) => cut.has(port));
  // So slow that there is time to kill it.
  const relay = { bytesPerSecond: 1_000_000 };
  await using one = await Node.start({ host: "127.0.0.1", port: 0, relay });
  await using two = await Node.start({
    host: "127.0.0.1",
    port: 0,
    relay,
    connect: [one.address],
  });
  const connect = [one.address, two.address];
  const ends = { host: "127.0.0.1", port: 0, connect, transport };
  await using alice = await Node.start(ends);
  const portOf = ({ address }: Node) => Number(address.split(":").at(-1));
  cut.add(portOf(alice));
  await using bob = await Node.start(ends);
  cut.add(portOf(bob));
  const via = () =>
    alice.sessions().find(({ id }) => id === bob.identity.id)?.via;
  await until("the pair to be relayed", () => via() !== undefined);
  const first = [one, two].find(({ identity: { id } }) => id === via())!;

  const body = patternBytes(FILE_BYTES);
  await Deno.writeFile(`${folder}/file`, body);
  await Deno.mkdir(`${folder}/in`);
  await using _received = new ProgressLog(receiveFiles(bob, {
    dir: `${folder}/in`,
    accept: () => true,
  }));
  bob.serve("where", () => "still here");
  const sending = Array.fromAsync(
    sendFile(alice, bob.identity.id, `${folder}/file`),
  );
  await until("a part to be there", () => partBytes(`${folder}/in`) > 500_000);
  await first.close({ abrupt: true });
  await until(
    "another relay to be taken",
    () => via() !== undefined && via() !== first.identity.id,
  );
  assertEquals(await alice.request(bob.identity.id, "where"), "still here");
  await sending;
  assertEquals(await Deno.readFile(`${folder}/in/file`), body);
  // The other one has carried the rest, with the overhead of TLS and frames.
  const other = first === one ? two : one;
  const { relayedBytes } = other.status().counters;
  assert(relayedBytes < FILE_BYTES, `${relayedBytes} bytes`);
});

/** Bytes of all files in a folder, also of those that are not complete. */
function partBytes(folder: string): number {
  let bytes = 0;
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (isFile) bytes += Deno.statSync(`${folder}/${name}`).size;
    else bytes += partBytes(`${folder}/${name}`);
  }
  return bytes;
}
