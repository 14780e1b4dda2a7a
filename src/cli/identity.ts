/** `verack identity new` and `verack identity show`: makes and looks at keys. */
import { escapeText, jsonLine } from "../core/escape.ts";
import {
  isDemoIdentity,
  loadPublicIdentity,
  writeIdentity,
} from "../identity/key_files.ts";
import {
  Identity,
  KEY_TYPES,
  type PublicIdentity,
  serverNameOf,
  shortId,
} from "../identity/identity.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { PASSPHRASE_FLAGS, passphraseSource } from "./key_flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { COLOR_FLAG } from "./terminal.ts";

const OUTPUT_FLAGS = {
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

const NEW_FLAGS = {
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
  ...OUTPUT_FLAGS,
} as const;

const SHOW_FLAGS = { ...PASSPHRASE_FLAGS, ...OUTPUT_FLAGS } as const;

/** Makes an identity. */
export const identityNewCommand: Command = command(
  {
    flags: NEW_FLAGS,
    examples: [[
      "verack identity new --out certs/dave",
      "Writes certs/dave.key, readable by you alone, and certs/dave.crt",
    ]],
  },
  make,
);

/** Shows an identity. */
export const identityShowCommand: Command = command(
  {
    description: [
      "Others give the 64 digits as in --connect ID@HOST:PORT, and then reach " +
      "whoever holds that key, or nobody.",
    ],
    positionals: [{
      name: "FILE",
      help: "A private key or a certificate in PEM",
    }],
    flags: SHOW_FLAGS,
    examples: [[
      "verack identity show certs/alice.crt",
      "Prints the digits that alice is known by",
    ]],
  },
  show,
);

async function make(
  { flags, terminal }: Invocation<typeof NEW_FLAGS>,
): Promise<ExitCode> {
  const identity = await Identity.generate({
    keyType: flags.type,
    ephemeral: false,
  });
  const { id, keyType } = identity;
  const { keyPath, certPath } = writeIdentity(identity, flags.out);
  return print(terminal, flags.json, { id, keyType }, {
    key: keyPath,
    certificate: certPath,
  });
}

async function show(
  { flags, positionals, terminal }: Invocation<typeof SHOW_FLAGS>,
): Promise<ExitCode> {
  const [path = ""] = positionals;
  const found = await loadPublicIdentity(path, passphraseSource(flags, path));
  return print(terminal, flags.json, found, { [found.foundIn]: path });
}

function print(
  { stdout, out }: Invocation<typeof SHOW_FLAGS>["terminal"],
  json: boolean,
  { id, keyType }: Pick<PublicIdentity, "id" | "keyType">,
  files: { readonly key?: string; readonly certificate?: string },
): ExitCode {
  const demo = isDemoIdentity(id);
  if (json) {
    stdout.line(jsonLine({ id, keyType, demo, ...files }));
    return EXIT.success;
  }
  const rows = [
    ["identity", out.bold(id)],
    ["short", shortId(id)],
    ["name", serverNameOf(id)],
    ["type", keyType],
    ...Object.entries(files).map(([what, path]) => [what, escapeText(path)]),
  ];
  for (const [what = "", value] of rows) {
    stdout.line(`${what.padEnd("certificate".length)}  ${value}`);
  }
  if (demo) {
    stdout.line(out.yellow("This is a demo key, which everybody has."));
  }
  return EXIT.success;
}
