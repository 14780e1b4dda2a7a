/** A small disk of its own for a process, where this machine lets one be mounted. */

/**
 * Arguments of `unshare`: mounts a disk of so many kilobytes at `path`, which only the program
 * that follows sees. It runs in the process that is started, without one between.
 */
export function onSmallDisk(kilobytes: number, path: string): string[] {
  const mount = `mount -t tmpfs -o size=${kilobytes}k tmpfs "$0"`;
  const script = `mkdir -p "$0" && ${mount} && exec "$@"`;
  return ["-m", "sh", "-c", script, path];
}

/** Whether one can be mounted. */
export const CAN_MOUNT: boolean = Deno.build.os === "linux" &&
  await (async () => {
    const directory = await Deno.makeTempDir();
    try {
      const { success } = await new Deno.Command("unshare", {
        args: [...onSmallDisk(100, directory), "true"],
        stdout: "null",
        stderr: "null",
      }).output();
      return success;
    } catch {
      return false;
    } finally {
      await Deno.remove(directory);
    }
  })();
