import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { getLogger } from "@std/log";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import fc from "fast-check";
import { VerackError } from "../src/core/errors.ts";
import {
  configureLogging,
  LOG_LEVELS,
  type LogFields,
  logger,
  type LogLevel,
} from "../src/core/log.ts";
import "../src/core/logtape.ts";

/** Collects the lines that `body` logs; logging is off again afterwards. */
function capture(
  options: { level?: LogLevel; format?: "human" | "json"; color?: boolean },
  body: () => void,
): string[] {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  try {
    configureLogging({
      level: "debug",
      format: "human",
      color: false,
      write,
      ...options,
    });
    body();
  } finally {
    configureLogging({ level: "off", format: "human", color: false, write });
  }
  return lines;
}

function humanField(value: LogFields[string]): string {
  const [line = ""] = capture({}, () => logger("mesh").info("m", { value }));
  return line.slice(line.indexOf("value=") + "value=".length);
}

Deno.test("logger() writes nothing until logging is configured", () => {
  assertFalse(logger("mesh").enabled("critical"));
  logger("mesh").critical("nobody hears this");
});

Deno.test("logger() writes time, level, layer, message and fields for people", () => {
  const id = "a1b2c3d4".repeat(8);
  const [line = ""] = capture(
    {},
    () =>
      logger("mesh").info("peer up", {
        id,
        address: "127.0.0.1:8081",
        links: 3,
      }),
  );
  assertMatch(line, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}mesh {6}peer up /);
  assertMatch(
    line,
    / peer up id=a1b2c3d4 address=127\.0\.0\.1:8081 links=3$/,
  );
});

Deno.test("logger() writes one JSON object a line for programs", () => {
  const id = "a1b2c3d4".repeat(8);
  const [line = ""] = capture(
    { format: "json" },
    () =>
      logger("store").warn("slow", {
        id,
        queued: 7,
        since: null,
        open: true,
      }),
  );
  const { time, ...rest } = JSON.parse(line);
  assertEquals(new Date(time).toISOString(), time);
  assertEquals(rest, {
    level: "warn",
    logger: "verack.store",
    message: "slow",
    fields: { id, queued: 7, since: null, open: true },
  });
});

Deno.test("configureLogging() lets through the chosen level and what is worse", () => {
  for (const [rank, level] of LOG_LEVELS.entries()) {
    const lines = capture({ level, format: "json" }, () => {
      const log = logger("cli");
      for (
        const name of ["critical", "error", "warn", "info", "debug"] as const
      ) {
        log[name](name);
        assertEquals(log.enabled(name), LOG_LEVELS.indexOf(name) <= rank);
      }
    });
    assertEquals(
      lines.map((line) => JSON.parse(line).level),
      LOG_LEVELS.slice(1, rank + 1),
    );
  }
});

Deno.test("logger() touches neither fields nor errors when its level is off", () => {
  const fields = {
    get never(): string {
      throw new Error("read");
    },
  };
  const lines = capture(
    { level: "info" },
    () => logger("store").debug("x", fields),
  );
  assertEquals(lines, []);
});

Deno.test("logger() got early follows later configurations", () => {
  const log = logger("control");
  assertEquals(capture({}, () => log.info("one")).length, 1);
  log.info("nobody");
  assertEquals(capture({}, () => log.info("two")).length, 1);
});

Deno.test("configureLogging() uses the names that @std/log users know", () => {
  capture({ level: "warn" }, () => {
    for (const name of ["identity", "store", "mesh", "cli"]) {
      assertEquals(getLogger(`verack.${name}`).levelName, "WARN");
    }
  });
});

Deno.test("logger() takes braces and percent signs literally", () => {
  const [line = ""] = capture(
    {},
    () => logger("mesh").info("{value} %s {{}}", { value: "{x}" }),
  );
  assertMatch(line, / \{value\} %s \{\{\}\} value=\{x\}$/);
});

Deno.test("logger() quotes values that would run into the next field", () => {
  assertEquals(humanField("two words"), '"two words"');
  assertEquals(humanField('say "hi"'), '"say \\"hi\\""');
  assertEquals(humanField("a=b"), '"a=b"');
  assertEquals(humanField(""), '""');
  assertEquals(humanField("back\\slash"), "back\\\\slash");
});

Deno.test("logger() shows every kind of value", () => {
  assertEquals(humanField(12n), "12");
  assertEquals(humanField(NaN), "NaN");
  assertEquals(humanField(null), "null");
  assertEquals(humanField(new Uint8Array([0x68, 0x69, 0xff])), "hi\\xff");
  assertEquals(humanField(new Error("no\nway")), "no\\u{a}way");
  assertEquals(humanField(new VerackError("dns", "gone")), '"gone (dns)"');
  const [line = ""] = capture(
    {},
    () => logger("mesh").info("m", { a: undefined, b: 1 }),
  );
  assertMatch(line, / m b=1$/);
});

Deno.test("logger() keeps whatever it is given on one bounded line in both forms", () => {
  const text = fc.string({ unit: "binary", maxLength: 2_000 });
  for (const format of ["human", "json"] as const) {
    fc.assert(
      fc.property(text, text, text, (message, name, value) => {
        const [line = "", ...more] = capture(
          { format },
          () => logger("mesh").error(message, { [name]: value }),
        );
        assertEquals(more, []);
        assert(/^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(line), JSON.stringify(line));
        // JSON doubles the backslash of every escape.
        assert(line.length < 4_000, `${line.length}`);
      }),
      { numRuns: 50 },
    );
  }
});

Deno.test("logger() colours only when told to, and never the text of others", () => {
  const line = (color: boolean) =>
    capture(
      { color },
      () => logger("mesh").error("m", { value: "\x1b[31m" }),
    )[0] ?? "";
  assertFalse(line(false).includes("\x1b"));
  assertStringIncludes(line(true), "\x1b[31mERROR\x1b[0m");
  assertMatch(line(true), /\\u\{1b\}\[31m$/);
});

Deno.test("logger() goes on when a line cannot be written", () => {
  const write = () => {
    throw new Error("disk full");
  };
  try {
    configureLogging({ level: "info", format: "human", color: false, write });
    logger("mesh").info("lost");
  } finally {
    configureLogging({ level: "off", format: "human", color: false, write });
  }
});

Deno.test("a program that configures LogTape gets records of the library, escaped, with nothing else to call", async () => {
  const records: LogRecord[] = [];
  await configure({
    reset: true, // Of what the tests before have left.
    sinks: { kept: (record) => void records.push(record) },
    loggers: [
      { category: ["verack"], sinks: ["kept"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    const log = logger("mesh");
    assert(log.enabled("info"));
    assertFalse(log.enabled("debug"));
    log.debug("not wanted");
    log.warn("{a}\x1b[2J", { from: "b\nc", count: 3 });
  } finally {
    await reset();
  }
  logger("mesh").critical("nobody hears this");
  assertEquals(
    records.map(({ category, level, message, rawMessage, properties }) => ({
      category,
      level,
      message,
      rawMessage,
      properties,
    })),
    [{
      category: ["verack", "mesh"],
      level: "warning",
      message: ["{a}\\u{1b}[2J from=", "b\\u{a}c", " count=", 3, ""],
      rawMessage: "{{a}}\\u{{1b}}[2J from={from} count={count}",
      properties: { from: "b\\u{a}c", count: 3 },
    }],
  );
});
