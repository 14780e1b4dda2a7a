/**
 * Says by whom a port is taken, where that can be known without asking for more
 * rights than the process has: on Linux, from `/proc`.
 */
import { VerackError } from "../core/errors.ts";
import { type Address, formatAddress } from "./address.ts";

/** TCP_LISTEN in the `st` column of `/proc/net/tcp` (Linux `include/net/tcp_states.h`). */
const LISTENING = "0A";

/** The `address-in-use` error for `address`: by whom, if known, and what to do. */
export function portTaken(address: Address, cause: unknown): VerackError {
  const owner = portOwner(address.port);
  return new VerackError(
    "address-in-use",
    `Cannot listen on ${formatAddress(address)}: the port is taken${
      owner === undefined ? "" : ` by ${owner}`
    }, choose another with --port or end that process`,
    { cause },
  );
}

/**
 * The process that listens on `port`, such as `nginx (pid 812)`, or `undefined`
 * when that is unknown. Never prompts and never throws.
 */
export function portOwner(port: number): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    if (
      Deno.permissions.querySync({ name: "read", path: "/proc" }).state !==
        "granted"
    ) return undefined;
    const inodes = listeningInodes(port);
    return inodes.size === 0 ? undefined : holderOf(inodes);
  } catch {
    return undefined; // Deno guards /proc beyond --allow-read; or it went away meanwhile
  }
}

function listeningInodes(port: number): Set<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readOrEmpty(table).split("\n")) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${hexPort}`) && state === LISTENING && inode) {
        inodes.add(inode);
      }
    }
  }
  return inodes;
}

function holderOf(inodes: ReadonlySet<string>): string | undefined {
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid) || !holdsAny(pid, inodes)) continue;
    const name = readOrEmpty(`/proc/${pid}/comm`).trim().slice(0, 32);
    // A process may call itself anything; this goes to a terminal.
    return `${name.replace(/[^\x20-\x7e]/g, "?") || "a process"} (pid ${pid})`;
  }
  return undefined;
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    for (const { name: fd } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      const target = readLinkOrEmpty(`/proc/${pid}/fd/${fd}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch {
    // Another user's process, or one that ended while we looked.
  }
  return false;
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function readLinkOrEmpty(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
