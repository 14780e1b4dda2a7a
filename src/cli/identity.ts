/** `verack identity new` and `verack identity show`: makes and shows keys. */
import { escapeText } from "../core/escape.ts";
import { serverNameOf, shortId } from "../core/peer_id.ts";
import {
  Identity,
  KEY_TYPES,
  type PublicIdentity,
} from "../identity/identity.ts";
import {
  isDemoIdentity,
  loadPublicIdentity,
  writeIdentity,
} from "../identity/key_files.ts";
import { answerCommand, labelled } from "./answer_command.ts";
import type { Command } from "./command.ts";
import { PASSPHRASE_FLAGS, passphraseSource } from "./key_flags.ts";
import type { Palette } from "./terminal.ts";

/** Makes an identity. */
export const identityNewCommand: Command = answerCommand({
  flags: {
    out: {
      type: "path",
      short: "o",
      value: "PREFIX",
      required: true,
      help: "Writes PREFIX.key and PREFIX.crt, neither of which may exist",
    },
    type: {
      type: "enum",
      value: "TYPE",
      values: KEY_TYPES,
      default: "Ed25519",
      help: "Kind of key; Ed25519 makes the fastest connections",
    },
  },
  examples: [[
    "verack identity new --out certs/dave",
    "Writes certs/dave.key, readable by you alone, and certs/dave.crt",
  ]],
  async ask({ out, type: keyType }) {
    const identity = await Identity.generate({ keyType, ephemeral: false });
    const { keyPath, certPath } = writeIdentity(identity, out);
    return shown(identity, { key: keyPath, certificate: certPath });
  },
  lines,
});

/** Shows an identity. */
export const identityShowCommand: Command = answerCommand({
  description: [
    "With the 64 digits in --connect ID@HOST:PORT, other nodes accept only the " +
    "holder of that key.",
  ],
  positionals: [{
    name: "FILE",
    completes: "file",
    help: "A private key or a certificate in PEM",
  }],
  flags: PASSPHRASE_FLAGS,
  examples: [[
    "verack identity show certs/alice.crt",
    "Prints the digits that alice is known by",
  ]],
  async ask(flags, [path = ""]) {
    const found = await loadPublicIdentity(path, passphraseSource(flags, path));
    return shown(found, { [found.foundIn]: path });
  },
  lines,
});

function shown(
  { id, keyType }: Pick<PublicIdentity, "id" | "keyType">,
  files: { readonly key?: string; readonly certificate?: string },
) {
  return { id, keyType, demo: isDemoIdentity(id), ...files };
}

function lines(
  { id, keyType, demo, ...files }: ReturnType<typeof shown>,
  colors: Palette,
): string[] {
  const paths = Object.entries(files)
    .map(([what, path]) => [what, escapeText(path)] as const);
  return [
    ...labelled([
      ["identity", colors.bold(id)],
      ["short", shortId(id)],
      ["name", serverNameOf(id)],
      ["type", keyType],
      ...paths,
    ], colors),
    ...(demo
      ? [colors.yellow("This is a demo key, which everybody has.")]
      : []),
  ];
}
