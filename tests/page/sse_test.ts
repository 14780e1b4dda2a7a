/** The page reads server-sent events however their stream is cut. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SseParser } from "../../src/page/sse.js";

const event = (
  data: string,
  { id, event }: { id?: string; event?: string } = {},
) => ({ id, event, data });

Deno.test("events have their data, their id and their name; comments are skipped", () => {
  const text = ": verack operation\n\n" +
    "id: 7\n\n" +
    'id: 8\ndata: {"type":"mesh"}\n\n' +
    ": heartbeat\n\n" +
    "event: error\ndata: {}\n\n" +
    "data: one\ndata: two\n\n" +
    "data\n\n" +
    "data:close\ndata:  far\n\n" +
    "retry: 5\nother: x\n\n" +
    "data: not yet";
  assertEquals(new SseParser().push(text), [
    event("", { id: "7" }),
    event('{"type":"mesh"}', { id: "8" }),
    event("{}", { event: "error" }),
    event("one\ntwo"),
    event(""),
    event("close\n far"),
  ]);
});

Deno.test("a stream that is cut anywhere gives the same events, with any ends of lines", () => {
  const lines = [
    "id: 1",
    "data: é🙂",
    "",
    ": x",
    "",
    "event: end",
    "data: {}",
    "",
  ];
  const whole = new SseParser().push(`${lines.join("\n")}\n`);
  assertEquals(whole.length, 2);
  for (const newline of ["\n", "\r\n", "\r"]) {
    // After a lone "\r" the line ends with what comes next.
    const text = `\ufeff${lines.join(newline)}${newline}:`;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }),
        (cuts) => {
          const parser = new SseParser();
          const ends = [...cuts.sort((a, b) => a - b), text.length];
          let from = 0;
          const found = ends.flatMap((to) => {
            const piece = text.slice(from, to);
            from = to;
            return parser.push(piece);
          });
          assertEquals(found, whole);
        },
      ),
    );
  }
});

Deno.test("an event larger than a node sends is an error, in one line or in many", () => {
  const mega = "x".repeat(1_000_000);
  const endless = new SseParser();
  assertThrows(
    () => {
      for (let i = 0; i < 30; i++) endless.push(mega);
    },
    RangeError,
    "too large",
  );
  const many = new SseParser();
  assertThrows(
    () => {
      for (let i = 0; i < 30; i++) many.push(`data: ${mega}\n`);
    },
    RangeError,
    "too large",
  );
});
