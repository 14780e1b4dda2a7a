import { assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { RequestError } from "../../src/streams/request_error.ts";
import {
  type BodyKind,
  checkMethod,
  decodeAnswerHead,
  decodeBody,
  decodeError,
  decodeRequestHead,
  encodeAnswerHead,
  encodeBody,
  encodeError,
  encodeRequestHead,
  sentError,
} from "../../src/streams/request_format.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function refused(code: string, text: string, read: () => unknown): void {
  const error = assertThrows(read, VerackError, text);
  assertEquals(error.code, code);
}

Deno.test("the metadata of a request is its kind, deadline, length and method, byte by byte", () => {
  const head = {
    method: "add",
    kind: "json",
    length: 0x010203,
    timeoutMs: 30_000,
  } as const;
  const bytes = encodeRequestHead(head);
  assertEquals(bytes.toHex(), "033075000003020100616464");
  assertEquals(decodeRequestHead(bytes), head);
});

Deno.test("a deadline of 0 and of 2^32 - 1 milliseconds can be read, and a longer one is sent as that", () => {
  const head = { method: "m", kind: "none", length: 0 } as const;
  for (const [timeoutMs, read] of [[0, 0], [0.2, 1], [2 ** 40, 2 ** 32 - 1]]) {
    const bytes = encodeRequestHead({ ...head, timeoutMs: timeoutMs! });
    assertEquals(decodeRequestHead(bytes).timeoutMs, read!);
  }
});

Deno.test("metadata that breaks the rules is malformed: too short, an unknown kind, a bad method, a body of more than 4 MB", () => {
  const head = encodeRequestHead({
    method: "m",
    kind: "none",
    length: 0,
    timeoutMs: 1,
  });
  refused("malformed", "8 bytes", () => decodeRequestHead(head.subarray(0, 8)));
  refused("malformed", "empty", () => decodeRequestHead(head.subarray(0, 9)));
  const kind = head.slice();
  kind[0] = 4;
  refused("malformed", "the kind is 4", () => decodeRequestHead(kind));
  const length = head.slice();
  length.set([0xff, 0xff, 0xff, 0xff], 5);
  refused("oversize", "4294967295", () => decodeRequestHead(length));
  const named = (method: Uint8Array) => () =>
    decodeRequestHead(new Uint8Array([...head.subarray(0, 9), ...method]));
  refused("malformed", "no UTF-8", named(new Uint8Array([0xff])));
  refused("malformed", "control", named(utf8("a\nb")));
  refused("malformed", "control", named(utf8("a\u202eb")));
  refused("malformed", "129 bytes", named(utf8("m".repeat(129))));
  assertEquals(named(utf8("m".repeat(128)))().method.length, 128);
});

Deno.test("a method is 1 to 128 bytes of text that can be seen", () => {
  for (const good of ["add", "math/add", "Wörter zählen", "m".repeat(128)]) {
    checkMethod(good);
  }
  for (const bad of ["", "\0", "a\u001b[2J", "\ud800", "é".repeat(65)]) {
    assertThrows(() => checkMethod(bad), RangeError, "as a method");
  }
});

Deno.test("bytes, text, JSON and nothing keep their kind and value", () => {
  const values: [unknown, BodyKind][] = [
    [undefined, "none"],
    [new Uint8Array([0, 255]), "bytes"],
    ["", "text"],
    ["héllo", "text"],
    [null, "json"],
    [0, "json"],
    [{ a: [1, "2", null] }, "json"],
  ];
  for (const [value, kind] of values) {
    const body = encodeBody(value, "Cannot send it");
    assertEquals(body.kind, kind);
    assertEquals(decodeBody(body.kind, body.bytes), value);
  }
});

Deno.test("a value without JSON is a TypeError that names it, and one of more than 4 MB a RangeError that points to streams", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [() => {}, Symbol("s"), 1n, circle]) {
    assertThrows(() => encodeBody(value, "Cannot x"), TypeError, "Cannot x: ");
  }
  for (const value of [new ArrayBuffer(1), new Uint16Array(1)]) {
    assertThrows(() => encodeBody(value, "Cannot x"), TypeError, "Uint8Array");
  }
  const most = new Uint8Array(4_000_000);
  assertEquals(encodeBody(most, "Cannot x").bytes.length, 4_000_000);
  assertThrows(
    () => encodeBody(new Uint8Array(4_000_001), "Cannot x"),
    RangeError,
    "Cannot x: the body has 4000001 bytes, must have at most 4000000; a stream",
  );
});

Deno.test("a body that contradicts its kind is malformed", () => {
  refused("malformed", "empty", () => decodeBody("none", utf8("x")));
  refused(
    "malformed",
    "UTF-8",
    () => decodeBody("text", new Uint8Array([255])),
  );
  refused("malformed", "JSON", () => decodeBody("json", utf8("{")));
  refused("malformed", "JSON", () => decodeBody("json", utf8("")));
  // Nesting must not end the process.
  const deep = "[".repeat(100_000);
  refused("malformed", "JSON", () => decodeBody("json", utf8(deep)));
});

Deno.test("the head of an answer is its status, kind and length; hostile ones are refused", () => {
  const head = { status: "full", kind: "json", length: 258 } as const;
  const bytes = encodeAnswerHead(head, 0);
  assertEquals(bytes.toHex(), "060302010000");
  assertEquals(decodeAnswerHead(bytes), head);
  const read = (hex: string) => () => decodeAnswerHead(Uint8Array.fromHex(hex));
  refused("malformed", "the status is 7", read("070302010000"));
  refused("malformed", "the status is 255", read("ff0302010000"));
  refused("malformed", "the kind is 9", read("000902010000"));
  refused("malformed", "must be JSON", read("010202010000"));
  refused("oversize", "4000001", read("000101093d00"));
  refused("oversize", "65537", read("010301000100"));
});

Deno.test("an error travels with code, message and data, and never with its stack", () => {
  const error = new RequestError("no-such-job", "Job 7 is not there", {
    data: { job: 7 },
  });
  const { bytes } = encodeError(sentError(error));
  assertEquals(decodeError(bytes), {
    code: "no-such-job",
    message: "Job 7 is not there",
    data: { job: 7 },
  });
  const text = new TextDecoder().decode(bytes);
  assertEquals(text.includes("request_format_test"), false);
  assertEquals(sentError(new TypeError("x is no function")), {
    code: "failed",
    message: "x is no function",
  });
  assertEquals(sentError(new VerackError("timeout", "late")).code, "timeout");
  assertEquals(sentError("a string").message, "a string");
});

Deno.test("the message of an error is cut, and data that is too large or has no JSON is left out", () => {
  for (const data of ["x".repeat(70_000), 1n]) {
    const { bytes } = encodeError({
      code: "c",
      message: "m".repeat(5_000),
      data,
    });
    assertEquals(decodeError(bytes), {
      code: "c",
      message: "m".repeat(1_024),
    });
  }
});

Deno.test("an error with another form is malformed", () => {
  for (
    const text of [
      "null",
      "7",
      "[]",
      `{"code":"c"}`,
      `{"message":"m"}`,
      `{"code":"a b","message":"m"}`,
      `{"code":"","message":"m"}`,
      `{"code":"${"c".repeat(65)}","message":"m"}`,
      `{"code":"c","message":"${"m".repeat(1_025)}"}`,
    ]
  ) {
    refused("malformed", "error", () => decodeError(utf8(text)));
  }
  for (const code of ["", "two words", "c".repeat(65), "é"]) {
    assertThrows(() => new RequestError(code, "m"), RangeError, "code");
  }
});
