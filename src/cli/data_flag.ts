/** `--data`: the directory of the node that a command is about. */
import type { TextFlag } from "./flags.ts";

/** The flag of a command that needs one. */
export const DATA_FLAG = {
  type: "path",
  short: "d",
  value: "DIR",
  required: true,
  help: "Data directory of the node that is meant",
} as const satisfies TextFlag;
