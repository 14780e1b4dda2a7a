/** What the process of a node uses of its machine. */
import process from "node:process";

/** Figures of a process. */
export interface ProcessFigures {
  /** Memory that is resident, bytes. */
  readonly residentBytes: number;
  /** Memory of the JavaScript heap that is used, bytes. */
  readonly heapBytes: number;
  /** CPU time, of the user and of the system, milliseconds. */
  readonly cpuMs: number;
  /** Open file descriptors; absent where that cannot be found out. */
  readonly openDescriptors?: number;
}

/** One entry for each descriptor; Deno reads it with --allow-all only (2.9.6). */
const DESCRIPTORS = "/proc/self/fd";

let isReadable: boolean | undefined;

/** The figures now. */
export function processFigures(): ProcessFigures {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  const openDescriptors = countDescriptors();
  return {
    residentBytes: rss,
    heapBytes: heapUsed,
    cpuMs: (user + system) / 1_000,
    ...(openDescriptors !== undefined && { openDescriptors }),
  };
}

function countDescriptors(): number | undefined {
  // Asked for first, so that there is no prompt.
  isReadable ??= Deno.permissions
    .querySync({ name: "read", path: DESCRIPTORS }).state === "granted";
  if (!isReadable) return undefined;
  try {
    // Without the one that reads the folder.
    return [...Deno.readDirSync(DESCRIPTORS)].length - 1;
  } catch {
    isReadable = false;
    return undefined;
  }
}
