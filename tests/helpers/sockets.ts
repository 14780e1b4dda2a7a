/** How many sockets this process holds, as the operating system counts them. */

/** Whether {@linkcode openSockets} works here. */
export const canCountSockets: boolean = Deno.build.os === "linux";

/**
 * Sockets of this process with `port` at either end, in any state but closed:
 * what a leak would leave, whatever Deno's own books say.
 */
export function openSockets(port: number): number {
  const own = socketsOf("self");
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/self/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote, , , , , , , inode]) =>
      (local?.endsWith(hexPort) || remote?.endsWith(hexPort)) &&
      inode !== undefined && own.has(inode)
    ).length;
}

function socketsOf(pid: number | "self"): Set<string> {
  const own = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const target = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // Closed meanwhile, such as the listing's own.
    }
  }
  return own;
}

/** TCP ports at which a process listens, in order of their digits; as {@linkcode openSockets}. */
export function listeningPorts(pid: number): number[] {
  const own = socketsOf(pid);
  const lines = ["tcp", "tcp6"].flatMap((kind) =>
    Deno.readTextFileSync(`/proc/${pid}/net/${kind}`).split("\n")
  );
  const LISTEN = "0A";
  return lines.map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) =>
      state === LISTEN && inode !== undefined && own.has(inode)
    )
    .map(([, local]) => parseInt(local?.split(":")[1] ?? "", 16))
    .sort();
}
