/** Flags for the admission of peers, and of this node itself. */
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { readInviteLine, readNetworkSecret } from "../identity/key_files.ts";
import { parseInvite } from "../identity/invite.ts";
import { MAX_INVITE_CHARS } from "../mesh/mesh_limits.ts";
import { logger } from "../core/log.ts";
import type { NodeOptions } from "../mesh/options.ts";
import { STDIN } from "./lines.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";
import { askPassphrase, takeVariable, variableMissing } from "./key_flags.ts";

const LINE_FEED = 0x0a;

const log = logger("cli");

/** Instead of a file: a remembered secret is dropped. */
const NO_SECRET = "none";

/** The flags. */
export const ADMISSION_FLAGS = {
  admission: {
    type: "enum",
    value: "MODE",
    values: ["open", "closed"],
    help:
      "open: any node may join; closed: only known, allowed, invited and attested ones. --data remembers closed (default: as remembered or the host of the invite, else open)",
  },
  secretFile: {
    type: "path",
    help:
      "A secret of the network that both ends of every session must prove; --data remembers it, none drops it",
  },
  join: {
    type: "string",
    value: "INVITE",
    // Kept as text: it is checked here, and parsed by the node.
    parse: (text: string) => (parseInvite(text), text),
    help:
      "Come in by an invite, a line of verack invite; here ps shows it to every user",
  },
  joinFile: {
    type: "path",
    help: "The invite is the first line of a file; - is standard input",
  },
  joinEnv: {
    type: "string",
    value: "NAME",
    help: "The invite is the value of an environment variable",
  },
} as const satisfies FlagSpecs;

/** The options of a node by these flags. Secret and invite are read here. */
export async function admissionOptions(
  flags: FlagValues<typeof ADMISSION_FLAGS>,
): Promise<Pick<NodeOptions, "admission" | "secret" | "invite">> {
  const { admission, secretFile } = flags;
  const invite = await inviteOf(flags);
  return {
    ...(admission !== undefined && { admission }),
    ...(secretFile !== undefined && {
      secret: secretFile === NO_SECRET
        ? null
        : await readNetworkSecret(secretFile),
    }),
    ...(invite !== undefined && { invite }),
  };
}

async function inviteOf(
  { join, joinFile, joinEnv }: FlagValues<typeof ADMISSION_FLAGS>,
): Promise<string | undefined> {
  const given = [join, joinFile, joinEnv].filter((it) => it !== undefined);
  if (given.length > 1) {
    throw new UsageError(
      "--join, --join-file and --join-env are given together, must be one of them",
    );
  }
  if (join !== undefined) {
    log.warn(
      "an invite on the command line can be seen by every user of this machine; use --join-file or --join-env",
    );
    return join;
  }
  if (joinEnv !== undefined) {
    const text = takeVariable(joinEnv, "invite");
    if (text === undefined) {
      throw variableMissing("bad-invite", joinEnv, "invite");
    }
    return checked(text, joinEnv);
  }
  if (joinFile === undefined) return undefined;
  if (joinFile !== STDIN) {
    return checked(await readInviteLine(joinFile), joinFile);
  }
  return checked(await readStdinLine(), "standard input");
}

/** Throws `bad-invite`, with a message that does not contain the text. */
function checked(text: string, source: string): string {
  try {
    parseInvite(text);
    return text;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) {
      throw error;
    }
    throw new VerackError(
      "bad-invite",
      `Cannot take the invite of ${
        escapeText(source, { max: 300 })
      }: it is none, must be identity@host:port#code, the line that \`verack invite\` prints`,
    );
  }
}

/** The first line, and no byte more: a chat reads the rest. */
async function readStdinLine(): Promise<string> {
  if (Deno.stdin.isTerminal()) return await askPassphrase("Invite: ") ?? "";
  const bytes: number[] = [];
  const byte = new Uint8Array(1);
  while (bytes.length < MAX_INVITE_CHARS) {
    const count = await Deno.stdin.read(byte);
    if (count === null || byte[0] === LINE_FEED) break;
    bytes.push(byte[0] ?? 0);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
}
