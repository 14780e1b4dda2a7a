import { assertEquals, assertThrows } from "@std/assert";
import { remoteEndpoint } from "../../src/control/remote_endpoint.ts";
import { VerackError } from "../../src/core/errors.ts";
import { ControlScene, TOKEN } from "../helpers/control.ts";
import { ControlClient } from "../../src/control/mod.ts";
import { assertFails } from "../helpers/assert_fails.ts";

Deno.test("a token never goes to another machine in plain text", () => {
  for (
    const url of [
      "http://192.0.2.1:8090",
      "http://example.org",
      "http://localhost.example.org:8090",
      "http://127.0.0.1.example.org/",
      "http://[2001:db8::1]:8090",
    ]
  ) {
    const error = assertThrows(
      () => remoteEndpoint({ url, token: TOKEN }),
      VerackError,
      "unencrypted",
    );
    assertEquals(error.code, "unsafe");
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"]) {
    const url = `http://${host}:8090`;
    assertEquals(remoteEndpoint({ url, token: TOKEN }).url, url);
  }
});

Deno.test("a URL is that of a host and a port, with or without the version of the API", () => {
  const of = (url: string) => remoteEndpoint({ url, token: TOKEN }).url;
  assertEquals(of("https://a.example:8090/v1/"), "https://a.example:8090");
  for (
    const url of [
      "a.example:8090",
      "ftp://a.example",
      "https://user:pass@a.example",
      "https://a.example/api",
      "https://a.example/?x=1",
      "https://a.example/#x",
      "",
    ]
  ) {
    assertThrows(() => of(url), RangeError, "must be https://HOST:PORT");
  }
});

Deno.test("a token that would break a header is refused, and not shown", () => {
  const error = assertThrows(
    () => remoteEndpoint({ url: "https://a.example", token: "se\r\ncret" }),
    RangeError,
  );
  assertEquals(error.message.includes("cret"), false);
});

Deno.test("a client by URL says where it looked when nothing answers, or the token is wrong", async () => {
  await using scene = await ControlScene.start();
  const url = `http://127.0.0.1:${scene.port}`;
  using client = ControlClient.connect({ url, token: TOKEN });
  assertEquals((await client.status()).id, scene.node.identity.id);
  using wrong = ControlClient.connect({ url, token: TOKEN.toUpperCase() });
  await assertFails(() => wrong.status(), "rejected", "token");
  await scene.server.close();
  await assertFails(
    () => client.status(),
    "connection-refused",
    `Cannot reach a node at ${url}`,
  );
});
