import { assertEquals } from "@std/assert";
import { linesOf } from "../../src/cli/lines.ts";

async function lines(chunks: readonly Uint8Array[]): Promise<string[]> {
  return await Array.fromAsync(linesOf(ReadableStream.from(chunks)));
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("linesOf() finds the same lines wherever the stream is cut", async () => {
  const all = bytes("one\n\nzwö\n😀 three");
  for (let at = 0; at <= all.length; at++) {
    const found = await lines([all.subarray(0, at), all.subarray(at)]);
    assertEquals(found, ["one", "", "zwö", "😀 three"]);
  }
});

Deno.test("linesOf() has no last line after a final line feed, and none at all for nothing", async () => {
  assertEquals(await lines([bytes("one\n")]), ["one"]);
  assertEquals(await lines([]), []);
});

Deno.test("linesOf() holds no more of a line without an end than it would show", async () => {
  const endless = Array.from({ length: 64 }, () => bytes("x".repeat(4_096)));
  const found = await lines([...endless, bytes("\nnext\n")]);
  assertEquals(found.map((line) => line.length), [16_384, 4]);
});
