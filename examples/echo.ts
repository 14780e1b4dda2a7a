/**
 * Two nodes and a protocol of their own: a stream that comes back as it was sent.
 *
 *     deno run -A examples/echo.ts
 */
import { Node, type VerackError } from "../mod.ts";

await using alice = await Node.start({ name: "alice" });
await using bob = await Node.start({ name: "bob", connect: [alice.address] });
await bob.joined();

// Alice sends back what comes, no faster than it is read.
alice.handle("echo/1", (stream) => stream.readable.pipeTo(stream.writable));

// Text there and back. Closing one direction leaves the other open.
{
  await using stream = await bob.open("alice", "echo/1");
  const sent = new Blob(["hello, ", "alice"]).stream().pipeTo(stream.writable);
  console.log(await new Response(stream.readable).text());
  await sent;
}

// 50 MB in constant memory: read and write are quicker than Web Streams.
{
  await using stream = await bob.open("alice", "echo/1");
  const chunk = new Uint8Array(65_536);
  const buffer = new Uint8Array(65_536);
  const send = async () => {
    for (let i = 0; i < 800; i++) await stream.write(chunk);
    await stream.closeWrite();
  };
  const sending = send();
  let bytes = 0;
  for (let count; (count = await stream.read(buffer)) !== null;) bytes += count;
  await sending;
  console.log(`${bytes} bytes came back`);
}

// A protocol that the peer does not handle is an error of the stream, not of `open`.
{
  await using stream = await bob.open("alice", "unknown/1");
  await stream.read(new Uint8Array(1)).catch((error: VerackError) => {
    console.log(error.code);
  });
}
