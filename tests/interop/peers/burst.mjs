/**
 * Many handshakes by one of `initiators.mjs`, for the benchmark:
 * `node burst.mjs FOLDER PACKAGE`. For each line `[port, count, concurrency]` on
 * its stdin it prints handshakes a second; ends with its stdin.
 */
import { performance } from "node:perf_hooks";
import process from "node:process";
import { createInterface } from "node:readline";
import { loadInitiator } from "./initiators.mjs";

const [folder, name] = process.argv.slice(2);
const open = loadInitiator(folder, name);

async function burst(port, count, concurrency) {
  const started = performance.now();
  let left = count;
  const work = async () => {
    while (left-- > 0) (await open("127.0.0.1", port, () => {})).close();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return count / (performance.now() - started) * 1_000;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await burst(...JSON.parse(line))}\n`);
}
process.exit(0);
