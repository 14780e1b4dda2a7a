/**
 * A slow line: a network namespace whose loopback passes so many bits a second, in
 * packets of 1,500 bytes, with 200 ms of queue. Data and what answers it share the
 * line. Needs root, `ip` and `tc`.
 */
import { spawnSync } from "node:child_process";

let made = 0;

/** One namespace with a slow loopback; removed when disposed of. */
export class SlowLink implements Disposable {
  readonly #namespace = `verack-${Deno.pid}-line-${made++}`;

  /** @throws {Error} what stood in the way, see {@linkcode whyNoSlowLink}. */
  constructor(bitsPerSecond: number) {
    const namespace = this.#namespace;
    run("ip", "netns", "add", namespace);
    try {
      const set = ["link", "set", "lo", "mtu", "1500", "up"];
      run("ip", "-n", namespace, ...set);
      const shape = `tbf rate ${bitsPerSecond}bit burst 16kb latency 200ms`;
      const add = ["qdisc", "add", "dev", "lo", "root", ...shape.split(" ")];
      run(...this.launcher, "tc", ...add);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Words in front of a command that is to run there. */
  get launcher(): string[] {
    return ["ip", "netns", "exec", this.#namespace];
  }

  [Symbol.dispose](): void {
    run("ip", "netns", "del", this.#namespace);
  }
}

/** Why a {@linkcode SlowLink} cannot be made here; `undefined` if it can. */
export function whyNoSlowLink(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  try {
    using _line = new SlowLink(1_000_000);
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `needs ip netns and tc: ${said.split("\n")[0]}`;
  }
}

function run(...words: readonly string[]): void {
  const [program = "", ...args] = words;
  const { status, error, stderr } = spawnSync(program, args, {
    encoding: "utf8",
  });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status === 0) return;
  throw new Error(`${words.join(" ")}: ${stderr.trim() || `exit ${status}`}`);
}
