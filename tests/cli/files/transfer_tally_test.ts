import { assertEquals } from "@std/assert";
import { TransferTally } from "../../../src/cli/files/transfer_tally.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { stepOf } from "./steps.ts";

/** One file of 100 MB in a transfer of 200 MB. */
function at(bytes: number) {
  return { bytes, total: 100e6, allBytes: bytes, allTotal: 200e6, files: 2 };
}

Deno.test("the rate is that of the last seconds, without what was there before", async () => {
  const clock = new VirtualClock();
  const tally = new TransferTally(clock);
  tally.take(stepOf("offer", { ...at(0), file: 0, path: "" }));
  assertEquals(tally.bar(), undefined);
  tally.take(stepOf("begin", { ...at(50e6), resumedAt: 50e6 }));
  assertEquals(tally.bar()?.rate, undefined);
  let bytes = 50e6;
  const run = async (seconds: number, rate: number) => {
    for (let i = 0; i < seconds * 10; i++) {
      tally.take(stepOf("progress", at(bytes)));
      bytes += rate / 10;
      await clock.advance(100);
    }
    tally.take(stepOf("progress", at(bytes)));
    return Math.round((tally.bar()?.rate ?? 0) / 1e5);
  };
  assertEquals(await run(10, 1e6), 10);
  assertEquals(await run(10, 2e6), 20);
  assertEquals(tally.bar()?.label, "1/2 photo.jpg");
  await clock.advance(5_001);
  assertEquals(tally.bar()?.rate, 0);
  assertEquals(await run(2, 1e6), 10);
  assertEquals(tally.figuresOf(stepOf("end")).moved, 32e6);
});

Deno.test("several transfers are one bar, and those that have ended are none", () => {
  const tally = new TransferTally(new VirtualClock());
  const other = "cd".repeat(16);
  tally.take(stepOf("begin", at(0)));
  tally.take(stepOf("progress", at(20e6)));
  tally.take(stepOf("begin", { ...at(60e6), transfer: other }));
  const { label, bytes, total } = tally.bar()!;
  assertEquals([label, bytes, total], ["2 transfers", 80e6, 400e6]);
  assertEquals(tally.share, 0.2);
  tally.take(stepOf("end", { file: 0 }));
  tally.take(stepOf("end", { file: 0, transfer: other }));
  assertEquals(tally.bar(), undefined);
  assertEquals(tally.active, 0);
});
