/** A clock that stands before every certificate's first day. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { VALIDITY } from "../../src/identity/certificate.ts";
import {
  CERTIFICATES_VALID_FROM_MS,
  clockFault,
} from "../../src/transport/tls_errors.ts";
import { netError } from "../../src/transport/net_errors.ts";
import { verack } from "../helpers/child.ts";
import { fakeTime } from "../helpers/fake_time.ts";

const at = (now: number) => ({
  now: () => now,
  monotonic: () => 0,
  after: () => () => {},
});

Deno.test("a clock before the first day of every certificate is a fault that is told with its value and what to do", () => {
  assertEquals(clockFault(at(CERTIFICATES_VALID_FROM_MS)), undefined);
  assertEquals(VALIDITY.notBefore.getTime(), CERTIFICATES_VALID_FROM_MS);
  const fault = clockFault(at(30_500));
  assertStringIncludes(fault ?? "", "is at 1970-01-01T00:00:30Z");
  assertStringIncludes(fault ?? "", "set the clock");
});

Deno.test("a certificate that is refused while the clock is at fault is no alarm about the peer", () => {
  const refused = new Deno.errors.InvalidData(
    "invalid peer certificate: certificate not valid yet",
  );
  const address = { host: "10.1.2.3", port: 4567 };
  const early = netError(refused, "dial", address, undefined, at(30_000));
  assertEquals(early.code, "tls");
  assertStringIncludes(early.message, "10.1.2.3:4567: the clock of this");
  const later = netError(refused, "dial", address);
  assertEquals(later.code, "wrong-certificate");
});

Deno.test("a node that is started on 1970-01-01 names the clock", async () => {
  const env = fakeTime("@1970-01-01 00:01:00");
  if (env === undefined) return;
  await using child = verack(["run", "--port", "0"], {
    env,
  });
  const line = await child.talk((it) => it.includes("clock"));
  assertStringIncludes(
    line,
    "the clock of this machine is at 1970-01-01T00:01:",
  );
  assertEquals(await child.code() > 0, true);
});
