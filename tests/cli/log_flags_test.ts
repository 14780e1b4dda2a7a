import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { LineWriter } from "../../src/cli/line_writer.ts";
import { startLogging } from "../../src/cli/log_flags.ts";
import { palette } from "../../src/cli/terminal.ts";
import { STRANGER_LINES } from "../../src/cli/cli_limits.ts";
import { configureLogging, logger } from "../../src/core/log.ts";

Deno.test("log lines that are not read are counted in a record of their own", async () => {
  let text = "";
  const reads = Promise.withResolvers<void>();
  const options = { clock: systemClock, maxBytes: 500 };
  const stderr = new LineWriter({
    async write(data) {
      await reads.promise;
      text += new TextDecoder().decode(data);
      return data.length;
    },
  }, options);
  const stdout = new LineWriter(
    { write: (data) => Promise.resolve(data.length) },
    options,
  );
  const colors = palette(false);
  const terminal = { stdout, stderr, out: colors, err: colors, columns: 80 };
  startLogging({ logLevel: "debug", logFormat: "json" }, terminal);
  for (let i = 0; i < 100; i++) logger("cli").debug(`record ${i}`);
  configureLogging({ level: "off", format: "json", color: false, write() {} });
  reads.resolve();
  await stderr.flushed();
  await stderr.flushed();
  const records = text.trim().split("\n").map((line) => JSON.parse(line));
  const last = records.at(-1);
  assertEquals([last.level, last.logger], ["warn", "verack.cli"]);
  assertEquals(last.fields, { lines: 101 - records.length });
});

Deno.test("log lines that strangers cause are budgeted and counted, and all others are written", async () => {
  const lines: string[] = [];
  const friend = "f".repeat(64);
  const stranger = "a".repeat(64);
  const stderr = new LineWriter({
    write(data) {
      lines.push(...new TextDecoder().decode(data).trim().split("\n"));
      return Promise.resolve(data.length);
    },
  }, { clock: systemClock });
  const colors = palette(false);
  const terminal = {
    stdout: stderr,
    stderr,
    out: colors,
    err: colors,
    columns: 80,
  };
  const flags = { logLevel: "debug", logFormat: "json" } as const;
  using logging = startLogging(flags, terminal, {
    hasStanding: (id) => id === friend,
  });
  const log = logger("mesh");
  for (let i = 0; i < 1_000; i++) {
    log.warn("entry refused", { from: stranger });
    log.info("peer up", { peer: stranger });
    log.debug("dial failed", { address: `192.0.2.1:${i + 1}` });
    if (i % 10 > 0) continue;
    log.info("peer up", { peer: friend, address: "192.0.2.1:1" });
    log.error("cannot write", { reason: "disk full" });
  }
  logging[Symbol.dispose]();
  configureLogging({ level: "off", format: "json", color: false, write() {} });
  await stderr.flushed();
  const records = lines.map((line) => JSON.parse(line));
  const count = (message: string, field?: string, value?: string) =>
    records.filter((it) =>
      it.message === message &&
      (field === undefined || it.fields[field] === value)
    ).length;
  assertEquals(count("cannot write"), 100);
  assertEquals(count("peer up", "peer", friend), 100);
  const { burst } = STRANGER_LINES;
  assertEquals(
    count("entry refused") + count("peer up", "peer", stranger),
    burst,
  );
  assertEquals(count("dial failed"), burst, "ports are not told apart");
  const [told, ...more] = records.filter((it) =>
    it.message === "lines left out"
  );
  assertEquals(more, []);
  assertEquals(told.fields, {
    lines: 3_000 - 2 * burst,
    reason: "too many log lines of 2 sources, most of them of aaaaaaaa",
  });
});
