/** `verack identity new` and `verack identity show`: makes and looks at keys. */
import { loadIdentity, writeIdentity } from "../identity/files.ts";
import { isDemoIdentity } from "../identity/demo.ts";
import { Identity, identityName, shortId } from "../identity/identity.ts";
import { defineCommand } from "./args.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { KEY_FLAGS, loadIdentityOfFlags } from "./key_flags.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { COLOR_FLAG } from "./terminal.ts";

const NEW_FLAGS = {
  out: {
    type: "path",
    short: "o",
    value: "PREFIX",
    required: true,
    help:
      "Where to write: PREFIX.key and PREFIX.crt, neither of which may exist",
  },
  type: {
    type: "enum",
    value: "TYPE",
    values: ["Ed25519", "P-256", "RSA"],
    default: "Ed25519",
    help: "Kind of key; Ed25519 makes the fastest connections",
  },
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

const SHOW_FLAGS = {
  passphraseFile: KEY_FLAGS.passphraseFile,
  passphraseEnv: KEY_FLAGS.passphraseEnv,
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

/** Makes an identity. */
export const identityNewProgram: Program = program(
  defineCommand({
    name: "identity new",
    summary: "Make a key and its certificate",
    flags: NEW_FLAGS,
    examples: [[
      "verack identity new --out keys/alice",
      "Writes keys/alice.key (readable by you only) and keys/alice.crt",
    ]],
  }),
  async (invocation) => {
    const { out, type } = invocation.flags;
    const identity = await Identity.generate({
      keyType: type,
      ephemeral: false,
    });
    const { keyPath, certPath } = await writeIdentity(identity, out);
    return show(invocation, identity, { key: keyPath, certificate: certPath });
  },
);

/** Shows an identity. */
export const identityShowProgram: Program = program(
  defineCommand({
    name: "identity show",
    summary: "Show the identity of a private key",
    positionals: [{ name: "FILE", help: "Private key in PEM" }],
    flags: SHOW_FLAGS,
    examples: [[
      "verack identity show certs/alice.key",
      "Prints the 64 digits others know alice by",
    ]],
  }),
  async (invocation) => {
    const key = invocation.positionals[0] ?? "";
    const flags = { cert: undefined, ...invocation.flags, key };
    const identity = await loadIdentityOfFlags(flags, invocation.terminal);
    if (identity === undefined) return EXIT.failure;
    return show(invocation, identity, { key });
  },
);

function show(
  { flags, terminal }:
    | Invocation<typeof SHOW_FLAGS>
    | Invocation<typeof NEW_FLAGS>,
  identity: Identity,
  files: { readonly key: string; readonly certificate?: string },
): ExitCode {
  const { id, keyType } = identity;
  if (flags.json) {
    terminal.stdout.line(JSON.stringify({ identity: id, keyType, ...files }));
    return EXIT.success;
  }
  const { out } = terminal;
  terminal.stdout.line(`identity  ${out.bold(id)}`);
  terminal.stdout.line(`short     ${shortId(id)}`);
  terminal.stdout.line(`name      ${identityName(id)}`);
  terminal.stdout.line(`key       ${keyType}, ${files.key}`);
  if (files.certificate !== undefined) {
    terminal.stdout.line(`cert      ${files.certificate}`);
  }
  if (isDemoIdentity(id)) {
    terminal.stdout.line(
      out.yellow(
        "PUBLIC    this is a published demo key; use it on loopback only",
      ),
    );
  }
  return EXIT.success;
}
