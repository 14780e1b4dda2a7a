import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { LineWriter } from "../../src/cli/line_writer.ts";
import { startLogging } from "../../src/cli/log_flags.ts";
import { palette } from "../../src/cli/terminal.ts";
import { configureLogging, logger } from "../../src/log.ts";

Deno.test("log lines that nobody reads are counted in a record of their own", async () => {
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
