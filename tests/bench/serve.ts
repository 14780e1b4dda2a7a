/**
 * The child's half of `remote.ts`: one request a line of JSON on stdin, one answer
 * a line on stdout. Runs on Deno and on Node.
 */
import process from "node:process";
import { createInterface } from "node:readline";

/** Answers requests until stdin ends, then exits. */
export async function serve(
  commands: Record<string, (...args: never[]) => unknown>,
): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line) as [string, ...never[]];
    const command = commands[name];
    if (command === undefined) throw new TypeError(`No command ${name}`);
    const answer = await command(...args) ?? null;
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  process.exit(0);
}

/** Which contestant this process runs, as `remote.ts` tells it. */
export function readSetup<Setup>(): Setup {
  return JSON.parse(process.argv[2]!) as Setup;
}
