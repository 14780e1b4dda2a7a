/** Flags that say who may come in, and how this node itself comes in. */
import { readNetworkSecret } from "../identity/files.ts";
import { parseInvite } from "../identity/invite.ts";
import type { NodeOptions } from "../mesh/options.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";

/** The flags. */
export const ADMISSION_FLAGS = {
  trust: {
    type: "enum",
    value: "WHOM",
    values: ["open", "known"],
    help:
      "Let everybody in, or only known, allowed, invited and vouched-for nodes (default: open, or as the host of the invite)",
  },
  secretFile: {
    type: "path",
    value: "FILE",
    help: "A secret of the network that both ends of every session must prove",
  },
  join: {
    type: "string",
    value: "INVITE",
    // Kept as text: the node parses it again, and here it is only judged.
    parse: (text: string) => (parseInvite(text), text),
    help: "Come in by an invite: the line that a member's verack invite prints",
  },
} as const satisfies FlagSpecs;

/**
 * What the flags mean for a node.
 *
 * @throws {VerackError} `bad-secret` or `permission` when the secret cannot be read.
 */
export async function admissionOptions(
  flags: FlagValues<typeof ADMISSION_FLAGS>,
): Promise<Pick<NodeOptions, "trust" | "secret" | "invite">> {
  const { trust, secretFile, join } = flags;
  return {
    ...(trust !== undefined && { trust }),
    ...(secretFile !== undefined && {
      secret: await readNetworkSecret(secretFile),
    }),
    ...(join !== undefined && { invite: join }),
  };
}
