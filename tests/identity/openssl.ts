/** Runs the `openssl` command, so that keys come from where people get theirs. */

/** Whether `openssl` can be run; says so once when it cannot. */
export const HAS_OPENSSL: boolean = await probe();

async function probe(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("openssl", {
      args: ["version"],
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return true;
  } catch {
    // Not installed, or not to be run by us.
  }
  console.log("skipped: no openssl command here");
  return false;
}

/** Runs `openssl` with these arguments in `directory`; gives what it wrote to stdout. */
export async function openssl(
  directory: string,
  args: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args: [...args],
    cwd: directory,
  }).output();
  if (!success) {
    const text = new TextDecoder().decode(stderr);
    throw new Error(`openssl ${args.join(" ")} failed: ${text}`);
  }
  return Uint8Array.from(stdout);
}

/** Calls `use` with a new directory that is gone afterwards. */
export async function withDirectory(
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "verack-identity-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
