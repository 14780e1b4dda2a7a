/** The table of error codes: what a peer is told, and how its reason is read. */
import { assertEquals } from "@std/assert";
import { codesWhere, type ErrorCode } from "../../src/core/error_code.ts";
import { VerackError } from "../../src/core/errors.ts";
import { codeOfReason, reasonOf } from "../../src/session/close_reason.ts";
import { REASON, type ReasonName } from "../../src/wire/messages/reason.ts";

function told(code: ErrorCode): ReasonName {
  return reasonOf(new VerackError(code, "Cannot go on"));
}

Deno.test("a peer is told what its bytes did wrong, and protocol-error if there is no better word", () => {
  assertEquals(told("bad-magic"), "wrong-network");
  for (const code of ["bad-checksum", "bad-command", "oversize"] as const) {
    assertEquals(told(code), "bad-frame");
  }
  for (const code of ["malformed", "protocol", "closed"] as const) {
    assertEquals(told(code), "protocol-error");
  }
  assertEquals(told("stopped"), "leaving");
});

Deno.test("a code that has a reason of its own name is told by that name", () => {
  const names: ReadonlySet<string> = new Set(Object.keys(REASON));
  const codes = [...codesWhere(() => true)].filter((it) => names.has(it));
  assertEquals(codes.filter((it) => told(it) !== it), []);
});

Deno.test("only a few reasons of a peer are read as more than that it refused", () => {
  const read = (message: "reject" | "bye") =>
    Object.fromEntries(
      (Object.keys(REASON) as ReasonName[])
        .map((
          it,
        ) => [it, codeOfReason(message, { code: REASON[it], text: "" })])
        .filter(([, code]) => code !== "rejected"),
    );
  assertEquals(read("reject"), {
    "self": "self",
    "denied": "denied",
    "not-admitted": "not-admitted",
    "bad-secret": "bad-secret",
    "bad-invite": "bad-invite",
  });
  assertEquals(read("bye"), {
    "leaving": "left",
    "duplicate": "duplicate",
    "identity-in-use": "identity-in-use",
  });
  assertEquals(codeOfReason("bye", { code: 0xee, text: "" }), "rejected");
});

Deno.test("a failure that time alone does not mend is not retryable", () => {
  for (
    const code of [
      "connection-refused",
      "dns",
      "timeout",
      "full",
      "left",
    ] as const
  ) {
    assertEquals(new VerackError(code, "x").retryable, true, code);
  }
  for (const code of ["alpn", "denied", "bad-key", "permission"] as const) {
    assertEquals(new VerackError(code, "x").retryable, false, code);
  }
});
