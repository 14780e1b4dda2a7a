/** Flags that say who may come in, and how this node itself comes in. */
import { readNetworkSecret } from "../identity/files.ts";
import { parseInvite } from "../identity/invite.ts";
import type { NodeOptions } from "../mesh/options.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";

/** In the place of a file: a remembered secret is dropped. */
const NO_SECRET = "none";

/** The flags. */
export const ADMISSION_FLAGS = {
  trust: {
    type: "enum",
    value: "WHOM",
    values: ["open", "known"],
    help:
      "Let everybody in, or only known, allowed, invited and vouched-for nodes; --data remembers known (default: as remembered or the host of the invite, else open)",
  },
  secretFile: {
    type: "path",
    value: "FILE",
    help:
      "A secret of the network that both ends of every session must prove; --data remembers it, none drops it",
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
      secret: secretFile === NO_SECRET
        ? null
        : await readNetworkSecret(secretFile),
    }),
    ...(join !== undefined && { invite: join }),
  };
}
