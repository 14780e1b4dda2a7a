/**
 * Many handshakes by one of `initiators.mjs`, for the benchmark:
 * `node burst.mjs FOLDER PACKAGE PORT COUNT CONCURRENCY`. Prints handshakes a
 * second of the second of two runs.
 */
import { performance } from "node:perf_hooks";
import process from "node:process";
import { loadInitiator } from "./initiators.mjs";

const [folder, name, ...numbers] = process.argv.slice(2);
const [port, count, concurrency] = numbers.map(Number);
const open = loadInitiator(folder, name);

async function run() {
  const started = performance.now();
  let left = count;
  const work = async () => {
    while (left-- > 0) (await open("127.0.0.1", port, () => {})).close();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return count / (performance.now() - started) * 1_000;
}

await run();
process.stdout.write(`${await run()}\n`);
process.exit(0);
