/**
 * Peer networks of others that the benchmark compares with, and the Node that runs
 * them; where `tests/interop/install.ts bench` has installed them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BENCH } from "../interop/place.ts";

/** What is installed. */
export interface Networks {
  readonly folder: string;
  /** Path of Node, or its name. */
  readonly node: string;
  /** Whether the NATS server is among them. */
  readonly hasNatsServer: boolean;
}

/** Where they are; `undefined` where they are missing. */
export async function findNetworks(): Promise<Networks | undefined> {
  try {
    const folder = await BENCH.folder();
    if (await BENCH.isInstalled(folder)) {
      const hasNatsServer = existsSync(join(folder, "bin", "nats-server"));
      return { folder, node: await nodeOf(folder), hasNatsServer };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  return undefined;
}

/** The newest Node that the packages bring, else that of the system. */
async function nodeOf(folder: string): Promise<string> {
  const { arch, os } = Deno.build;
  const platform = os === "windows" ? "win" : os;
  const name = `node-${platform}-${arch === "aarch64" ? "arm64" : "x64"}`;
  const file = os === "windows" ? "node.exe" : "node";
  const path = join(folder, "node_modules", name, "bin", file);
  try {
    await Deno.stat(path);
    return path;
  } catch {
    return "node";
  }
}

/** Prints what the benchmark must be allowed to run, for `deno.json`. */
if (import.meta.main) {
  const networks = await findNetworks();
  const paths = new Set([
    ...[Deno.execPath(), "node", networks?.node ?? "node"],
    ...["sh", "nc"],
  ]);
  console.log([...paths].join(","));
}
