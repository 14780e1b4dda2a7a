/** Where `--http` serves the control API. */
import { assertEquals, assertThrows } from "@std/assert";
import { HTTP_FLAGS } from "../../src/cli/http_flags.ts";

Deno.test("--http takes a port or an address, and port 0 in both", () => {
  const { parse } = HTTP_FLAGS.http;
  assertEquals(parse("0"), { host: "127.0.0.1", port: 0 });
  assertEquals(parse("8090"), { host: "127.0.0.1", port: 8_090 });
  assertEquals(parse("0.0.0.0:0"), { host: "0.0.0.0", port: 0 });
  assertEquals(parse("[::]:8090"), { host: "::", port: 8_090 });
  for (const text of ["", "65536", "0.0.0.0", "[::1]:x"]) {
    assertThrows(() => parse(text), SyntaxError);
  }
});
