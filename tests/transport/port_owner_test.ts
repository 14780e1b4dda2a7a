import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { portOwner, portTaken } from "../../src/transport/port_owner.ts";

Deno.test("portOwner() names the process that listens on a port", {
  ignore: Deno.build.os !== "linux",
}, () => {
  for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const owner = portOwner(port);
    assert(owner !== undefined);
    assertStringIncludes(owner, `(pid ${Deno.pid})`);
  }
});

Deno.test("portOwner() is undefined for a port that nobody listens on", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  assertEquals(portOwner(port), undefined);
});

Deno.test("portOwner() asks nobody for the right to look", {
  permissions: { net: ["127.0.0.1"] },
}, () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assertEquals(portOwner((listener.addr as Deno.NetAddr).port), undefined);
});

Deno.test(
  "portOwner() is undefined where reading is granted but /proc is not",
  {
    permissions: { net: ["127.0.0.1"], read: ["/"] },
  },
  () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    portOwner((listener.addr as Deno.NetAddr).port); // whatever it knows, it does not throw
  },
);

Deno.test("portTaken() says what to do about it", () => {
  const error = portTaken({ host: "127.0.0.1", port: 1 }, undefined);
  assertEquals(error.code, "address-in-use");
  assertStringIncludes(error.message, "127.0.0.1:1");
  assertStringIncludes(error.message, "--port");
});
