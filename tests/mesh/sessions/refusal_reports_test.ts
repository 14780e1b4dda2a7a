/** What is told of connections that find no room. */
import { assertEquals } from "@std/assert";
import { FULL_REPORT_MS } from "../../../src/mesh/sessions/connection_limits.ts";
import { FullReports } from "../../../src/mesh/sessions/refusal_reports.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

Deno.test("the first connection that finds no room is told at once, all others with a count once a period", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const reports = new FullReports(clock, (event) => {
    if (event.type === "refused") told.push(event.reason);
  });
  const crowd = (count: number) => {
    for (let at = 1; at <= count; at++) {
      reports.add({ address: "10.0.0.1:1", reason: `no room ${at}` });
    }
  };
  crowd(1_000);
  assertEquals(told, ["no room 1"]);
  await clock.advance(FULL_REPORT_MS);
  assertEquals(told.slice(1), ["no room 1000 (the last of 999 in 60 s)"]);
  crowd(5);
  await clock.advance(FULL_REPORT_MS);
  assertEquals(told.slice(2), ["no room 5 (the last of 5 in 60 s)"]);
  // A period in which all found room: the next one is news again.
  await clock.advance(FULL_REPORT_MS);
  crowd(1);
  assertEquals(told.slice(3), ["no room 1"]);
  reports.close();
  assertEquals(clock.pending, 0);
});
