/** Writes what was measured into the documentation. */
import { fileURLToPath } from "node:url";
import { chart } from "./chart.ts";
import { fill, tables } from "./markdown.ts";
import { parseRecords } from "./records.ts";

const PAGE = new URL("../../docs/benchmarks.md", import.meta.url);
const CHART = new URL("../../docs/benchmarks.svg", import.meta.url);

/**
 * Writes the tables and the chart from a file with the output of `--json`.
 *
 * @throws {SyntaxError} when there is no such file, or no such output in it.
 */
export async function publish(file: string): Promise<void> {
  const records = parseRecords(await read(file));
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(PAGE, fill(page, tables(records)));
  await Deno.writeTextFile(CHART, chart(records));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", fileURLToPath(PAGE), fileURLToPath(CHART)],
  }).output();
  if (!success) throw new Error("Cannot format what was written");
  console.error(`${fileURLToPath(PAGE)} and its chart are written`);
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SyntaxError(`There is no file "${file}"`);
  }
}
