/**
 * Linux network namespaces of a test, and the two programs that set them up. Nothing outside of
 * them is touched or reached. They need root, `ip` and `nft`.
 */
import { spawnSync } from "node:child_process";

/** Our namespaces are `verack-PID-NUMBER-NAME`; those of a dead PID are left from a crash. */
const PREFIX = "verack-";

/** Networks that this process has made; each test file is a process of its own. */
let networks = 0;

/** The first words of the names of one network's namespaces. */
export function namespacePrefix(): string {
  return `${PREFIX}${Deno.pid}-${++networks}-`;
}

/** One namespace, with `lo` up; deleted when disposed of, with what runs in it killed. */
export class Namespace implements Disposable {
  readonly name: string;

  /** @throws {Error} what stood in the way, see {@linkcode whyNoNamespaces}. */
  constructor(name: string) {
    this.name = name;
    run(["ip", "netns", "add", name]);
    this.ip("link", "set", "lo", "up");
  }

  /** The words before a command that is to run in it; they become the command. */
  get launcher(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  /** Runs `ip` in it; what it printed. */
  ip(...words: readonly string[]): string {
    return run(["ip", "-n", this.name, ...words]);
  }

  /** Runs several commands of `ip` in it, a line each. */
  ipBatch(lines: readonly string[]): void {
    run(["ip", "-n", this.name, "-batch", "-"], lines.join("\n"));
  }

  /** Replaces a table of the packet filter. */
  table(family: string, name: string, chains: readonly string[]): void {
    const rules = [
      `table ${family} ${name}`,
      `delete table ${family} ${name}`,
      `table ${family} ${name} {`,
      ...chains,
      "}",
    ];
    this.exec(["nft", "-f", "-"], rules.join("\n"));
  }

  /** Runs a program in it to its end; what it printed. */
  exec(command: readonly string[], stdin?: string): string {
    return run([...this.launcher, ...command], stdin);
  }

  [Symbol.dispose](): void {
    removeNamespace(this.name);
  }
}

/** Why there can be no {@linkcode Namespace} here; `undefined` if there can. */
export function whyNoNamespaces(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  try {
    using namespace = new Namespace(`${namespacePrefix()}try`);
    namespace.ip("link", "add", "br0", "type", "bridge");
    namespace.table("inet", "try", [
      "chain out { type nat hook postrouting priority srcnat",
      "  masquerade",
      "}",
    ]);
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `needs ip netns and nft: ${said.split("\n")[0]}`;
  }
}

/** Removes what runs left that could not clean up, with what still runs in it. */
export function removeLeftOvers(): void {
  for (const line of run(["ip", "netns", "list"]).split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = /^verack-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || exists(`/proc/${pid}`)) continue;
    removeNamespace(name);
  }
}

/** Its interfaces go with it, and what they were plugged into. */
function removeNamespace(name: string): void {
  try {
    for (const pid of run(["ip", "netns", "pids", name]).split("\n")) {
      if (pid !== "") kill(Number(pid));
    }
    run(["ip", "netns", "del", name]);
  } catch {
    // It was never made.
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}

/** Runs a program to its end; what it printed. */
function run(command: readonly string[], stdin?: string): string {
  const [program = "", ...args] = command;
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    ...(stdin !== undefined && { input: stdin }),
  });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status === 0) return stdout;
  throw new Error(`${command.join(" ")}: ${stderr.trim() || `exit ${status}`}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
