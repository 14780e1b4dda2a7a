/** What is said of a forwarded connection that broke. */
import { assertEquals } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { forwardError } from "../../src/services/forwarding/forward_run.ts";

Deno.test("of a stream that the peer aborted only its reason is said", () => {
  const said = (details: string) =>
    forwardError(
      new VerackError(
        "reset",
        `Stream tcp/1 of a1a93bf2: the peer aborted it${details}`,
      ),
    ).message;
  assertEquals(
    said(": Cannot read from 127.0.0.1:8000: the connection was reset"),
    "At the peer: Cannot read from 127.0.0.1:8000: the connection was reset",
  );
  assertEquals(said(""), "The peer ended it");
});
