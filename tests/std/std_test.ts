/**
 * The names that `@std/*` is imported by do what verack expects of them, on either
 * import map.
 */
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { BaseHandler, getLogger, type LogRecord } from "@std/log";

class Collector extends BaseHandler {
  readonly records: LogRecord[] = [];
  readonly lines: string[] = [];

  override handle(record: LogRecord): void {
    this.records.push(record);
    super.handle(record);
  }

  override log(line: string): void {
    this.lines.push(line);
  }
}

Deno.test("parseArgs() splits what is written with = and keeps text text", () => {
  const args = parseArgs([
    "--a=1",
    "--b=x=y\nz",
    "--b=",
    "--c",
    "--no-d",
    "--",
    "-5",
    "0x1",
  ], {
    boolean: ["c", "d"],
    string: ["a", "b", "_"],
    collect: ["b"],
    negatable: ["d"],
  });
  assertEquals({ ...args }, {
    a: "1",
    b: ["x=y\nz", ""],
    c: true,
    d: false,
    _: ["-5", "0x1"],
  });
});

Deno.test("timingSafeEqual() compares bytes and refuses other lengths", () => {
  assert(timingSafeEqual(new Uint8Array([1, 2]), new Uint8Array([1, 2])));
  assertFalse(timingSafeEqual(new Uint8Array([1, 2]), new Uint8Array([1, 3])));
});

Deno.test("a logger hands records of its level to its handlers, until it has others", () => {
  const info = new Collector("INFO");
  const all = new Collector("NOTSET", {
    formatter: ({ levelName, loggerName, msg }) =>
      `${loggerName}/${levelName}/${msg}`,
  });
  const [ab, a] = [getLogger("a.b"), getLogger("a")];
  ab.levelName = "DEBUG";
  ab.handlers = [info, all];
  a.levelName = "ERROR";
  a.handlers = [all];
  ab.debug("one", { x: 1 });
  getLogger("a.b").warn("two {x}");
  a.warn("no");
  a.critical("three");
  getLogger("other").critical("no");
  ab.handlers = [];
  ab.critical("no");
  a.handlers = [];
  assertEquals(all.lines, [
    "a.b/DEBUG/one",
    "a.b/WARN/two {x}",
    "a/CRITICAL/three",
  ]);
  assertEquals(info.lines, ["WARN two {x}"]);
  const [first] = all.records;
  assertEquals(first?.args, [{ x: 1 }]);
  assertEquals(first?.level, 10);
  assert(first?.datetime instanceof Date);
});

Deno.test("getLogger() gives the same logger each time, at first without handlers", () => {
  assertEquals(getLogger("x"), getLogger("x"));
  assertEquals(getLogger("x").handlers, []);
});

Deno.test("assertThrows() gives back the error", () => {
  const error = assertThrows(
    () => {
      throw new RangeError("too far");
    },
    RangeError,
    "far",
  );
  assertEquals(error.message, "too far");
});
