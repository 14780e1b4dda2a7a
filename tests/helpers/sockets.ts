/** How many sockets this process holds, as the operating system counts them. */

/** Whether {@linkcode openSockets} works here. */
export const canCountSockets: boolean = Deno.build.os === "linux";

/**
 * Sockets of this process with `port` at either end, in any state but closed:
 * what a leak would leave, whatever Deno's own books say.
 */
export function openSockets(port: number): number {
  const own = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // Closed while we looked, such as the listing's own.
    }
  }
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/self/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote, , , , , , , inode]) =>
      (local?.endsWith(hexPort) || remote?.endsWith(hexPort)) &&
      inode !== undefined && own.has(inode)
    ).length;
}
