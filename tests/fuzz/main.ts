/**
 * `deno task fuzz`: wrong bytes for real nodes for as long as you like, in memory
 * and over TLS. Prints a line a node; exits 1 at the first that let something
 * happen, with the command that does the same again.
 */
import { parseArgs } from "@std/cli/parse-args";
import { liveHeapBytes } from "./heap.ts";
import { fuzzOverTls } from "./tls_run.ts";
import { FuzzWorld } from "./world.ts";

/** Frames that one node gets at most; the next one has the next seed. */
const FRAMES_A_NODE = 50_000;

/** One frame in so many goes over TLS. */
const TLS_SHARE = 50;

/** What all runs together may leave on the heap, bytes. */
const MAX_GROWTH = 16 * 1024 * 1024;

const HELP = `Usage: deno task fuzz [--frames N] [--seed S]

  --frames N   frames in all, default 100000
  --seed S     seed of the first node, default by chance
`;

const { frames, seed: first } = parse(Deno.args);
let replay = "";
globalThis.addEventListener("unhandledrejection", ({ reason }) => {
  console.error(reason);
  console.log(`FAILED, not caught; again: ${replay}`);
  Deno.exit(1);
});
const began = performance.now();
const total = { frames: 0, sessions: 0, opened: 0, accepted: 0, guests: 0 };
let warm: number | undefined;
try {
  for (let seed = first; total.frames < frames; seed++) {
    const share = Math.min(FRAMES_A_NODE, frames - total.frames);
    replay = `deno task fuzz --frames ${share} --seed ${seed}`;
    const report = await FuzzWorld.run(seed, share);
    const sessions = await fuzzOverTls(seed, Math.ceil(share / TLS_SHARE));
    const heap = liveHeapBytes();
    warm ??= heap;
    console.log(JSON.stringify({ seed, ...report, tls: sessions, heap }));
    if (heap - warm > MAX_GROWTH) {
      throw new Error(`The heap grew from ${warm} to ${heap} bytes`);
    }
    total.frames += report.frames;
    total.sessions += report.sessions;
    total.opened += report.opened;
    total.accepted += report.accepted;
    total.guests += report.guests;
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${total.frames} frames in ${total.sessions} sessions (${total.accepted} dialed by the node, ${total.opened} open), ${total.guests} honest guests joined, ${seconds} s`,
  );
} catch (error) {
  console.error(error);
  console.log(`FAILED; again: ${replay}`);
  Deno.exitCode = 1;
}

function parse(args: string[]): { frames: number; seed: number } {
  const { _: rest, help, ...given } = parseArgs(args, {
    boolean: ["help"],
    string: ["frames", "seed"],
  });
  const number = (text: unknown, fallback: number) =>
    text === undefined ? fallback : Number(text);
  const frames = number(given.frames, 100_000);
  const chance = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const seed = number(given.seed, chance);
  const known = ["frames", "seed"];
  const sound = rest.length === 0 && Number.isInteger(frames) && frames > 0 &&
    Number.isInteger(seed) && seed >= 0 &&
    Object.keys(given).every((name) => known.includes(name));
  if (sound && !help) return { frames, seed };
  (help ? console.log : console.error)(HELP);
  Deno.exit(help ? 0 : 2);
}
