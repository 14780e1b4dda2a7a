/** Keys and certificates as OpenSSL makes them, in every form it writes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { hash } from "node:crypto";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { loadIdentity } from "../../src/identity/key_files.ts";
import type { KeyType } from "../../src/identity/identity.ts";
import { HAS_OPENSSL, openssl, withDirectory } from "./openssl.ts";

const ignore = !HAS_OPENSSL;
const PASSPHRASE = "correct horse";
const PASS = ["-passout", "pass:correct horse"] as const;

/** Commands that write `key` in a certain form. */
type Recipe = readonly (string | readonly string[])[];

const EC = "ecparam -name prime256v1 -genkey -out sec1";
const RSA = "genrsa -out pkcs8 2048";

const PLAIN: [string, KeyType, Recipe][] = [
  ["P-256 in SEC1 with its EC PARAMETERS", "P-256", [
    "ecparam -name prime256v1 -genkey -out key",
  ]],
  ["P-256 in SEC1 alone", "P-256", [
    "ecparam -name prime256v1 -genkey -noout -out key",
  ]],
  ["P-256 in SEC1 without its public half", "P-256", [
    EC,
    "ec -in sec1 -no_public -out key",
  ]],
  ["P-256 in PKCS#8", "P-256", [
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key",
  ]],
  ["Ed25519 in PKCS#8", "Ed25519", ["genpkey -algorithm ed25519 -out key"]],
  ["RSA in PKCS#8", "RSA", ["genrsa -out key 2048"]],
  ["RSA in PKCS#1", "RSA", ["genrsa -traditional -out key 2048"]],
];

const ENCRYPTED: [string, KeyType, Recipe][] = [
  ["PKCS#8 by OpenSSL's defaults", "P-256", [
    EC,
    ["pkcs8", "-topk8", "-in", "sec1", "-out", "key", ...PASS],
  ]],
  ["PKCS#8 with AES-128 and HMAC-SHA-512", "Ed25519", [
    "genpkey -algorithm ed25519 -out plain",
    [
      ..."pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512".split(" "),
      ..."-in plain -out key".split(" "),
      ...PASS,
    ],
  ]],
  ["PKCS#8 with AES-256 and HMAC-SHA-1, as OpenSSL 1.0 did", "P-256", [
    EC,
    [
      ..."pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1".split(" "),
      ..."-in sec1 -out key".split(" "),
      ...PASS,
    ],
  ]],
  ["PKCS#8 with scrypt", "P-256", [
    EC,
    [..."pkcs8 -topk8 -scrypt -in sec1 -out key".split(" "), ...PASS],
  ]],
  ["SEC1 in the legacy way", "P-256", [
    EC,
    [..."ec -aes128 -in sec1 -out key".split(" "), ...PASS],
  ]],
  ["PKCS#1 in the legacy way", "RSA", [
    RSA,
    [..."rsa -traditional -aes256 -in pkcs8 -out key".split(" "), ...PASS],
  ]],
  ["PKCS#1 in the legacy way with triple DES", "RSA", [
    RSA,
    [..."rsa -traditional -des3 -in pkcs8 -out key".split(" "), ...PASS],
  ]],
];

async function cook(directory: string, recipe: Recipe): Promise<string> {
  for (const step of recipe) {
    await openssl(directory, typeof step === "string" ? step.split(" ") : step);
  }
  return `${directory}/key`;
}

/** What `openssl pkey -pubout -outform DER | sha256sum` prints. */
async function fingerprint(directory: string): Promise<string> {
  const spki = await openssl(directory, [
    ..."pkey -in key -pubout -outform DER -passin".split(" "),
    `pass:${PASSPHRASE}`,
  ]);
  return hash("sha256", spki, "hex");
}

async function assertCannotLoad(
  options: Parameters<typeof loadIdentity>[0],
  code: ErrorCode,
  because: string,
): Promise<void> {
  const error = await assertRejects(
    () => loadIdentity(options),
    VerackError,
    because,
  );
  assertEquals(error.code, code);
}

for (const [what, keyType, recipe] of PLAIN) {
  Deno.test({
    name:
      `loadIdentity() loads ${what}, the same identity each time, OpenSSL's`,
    ignore,
    fn: () =>
      withDirectory(async (directory) => {
        const keyPath = await cook(directory, recipe);
        const first = await loadIdentity({ keyPath });
        const again = await loadIdentity({ keyPath });
        assertEquals(first.id, await fingerprint(directory));
        assertEquals(again.id, first.id);
        assertEquals(first.keyType, keyType);
        assertEquals(first.ephemeral, false);
        verifyCertificate(first.certificate, first.id);
      }),
  });
}

for (const [what, keyType, recipe] of ENCRYPTED) {
  Deno.test({
    name:
      `loadIdentity() opens a key encrypted by ${what}, with its passphrase only`,
    ignore,
    fn: () =>
      withDirectory(async (directory) => {
        const keyPath = await cook(directory, recipe);
        const opened = await loadIdentity({ keyPath, passphrase: PASSPHRASE });
        assertEquals(opened.id, await fingerprint(directory));
        assertEquals(opened.keyType, keyType);
        await assertCannotLoad(
          { keyPath },
          "encrypted-key",
          "no passphrase was given",
        );
        for (const passphrase of ["", "correct horsf", "x".repeat(5_000)]) {
          await assertCannotLoad(
            { keyPath, passphrase },
            "encrypted-key",
            "the passphrase does not open it",
          );
        }
      }),
  });
}

const UNUSABLE: [string, Recipe, string][] = [
  ["P-384", ["ecparam -name secp384r1 -genkey -out key"], "P-384"],
  ["secp256k1", ["ecparam -name secp256k1 -genkey -out key"], "secp256k1"],
  ["Ed448", ["genpkey -algorithm ed448 -out key"], "Ed448"],
  ["X25519", ["genpkey -algorithm x25519 -out key"], "X25519"],
  ["RSA-PSS", ["genpkey -algorithm RSA-PSS -out key"], "restricted to PSS"],
  ["RSA with 1024 bits", ["genrsa -out key 1024"], "has 1024 bits"],
  ["RSA with exponent 3", ["genrsa -3 -out key 2048"], "exponent is 3"],
  ["P-256 with its curve spelled out", [
    EC,
    "ec -in sec1 -param_enc explicit -out key",
  ], "cannot be read"],
  ["a public key", [EC, "ec -in sec1 -pubout -out key"], "a public key"],
  ["curve parameters alone", [
    "ecparam -name prime256v1 -out key",
  ], '"EC PARAMETERS"'],
  ["a certificate", [
    EC,
    "req -x509 -key sec1 -subj /CN=x -out key",
  ], "a certificate and no key"],
  ["a certificate request", [
    EC,
    "req -new -key sec1 -subj /CN=x -out key",
  ], '"CERTIFICATE REQUEST"'],
];

for (const [what, recipe, because] of UNUSABLE) {
  Deno.test({
    name: `loadIdentity() refuses ${what} and says what it is`,
    ignore,
    fn: () =>
      withDirectory(async (directory) => {
        const keyPath = await cook(directory, recipe);
        await assertCannotLoad({ keyPath }, "bad-key", because);
      }),
  });
}

Deno.test({
  name:
    "loadIdentity() names an encryption that it cannot open, before it asks for a passphrase",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      const passphrase = () => {
        throw new Error("asked in vain");
      };
      const pkcs8 = "pkcs8 -topk8 -in sec1 -out key";
      for (
        const [command, because] of [
          [`${pkcs8} -v1 PBE-SHA1-3DES`, "scheme 1.2.840.113549.1.12.1.3"],
          [`${pkcs8} -v2 des3`, "cipher 1.2.840.113549.3.7"],
          ["ec -camellia128 -in sec1 -out key", "CAMELLIA-128-CBC"],
        ] as const
      ) {
        const keyPath = await cook(directory, [
          EC,
          [...command.split(" "), ...PASS],
        ]);
        await assertCannotLoad(
          { keyPath, passphrase },
          "bad-key",
          `encrypted with ${because}, which cannot be opened here, re-encrypt it with \`openssl pkcs8 -topk8 -v2 aes-256-cbc`,
        );
        // The command that the message names makes a key that opens.
        await openssl(directory, [
          ..."pkcs8 -topk8 -v2 aes-256-cbc -in key -out new".split(" "),
          ...["-passin", `pass:${PASSPHRASE}`, ...PASS],
        ]);
        await loadIdentity({
          keyPath: `${directory}/new`,
          passphrase: PASSPHRASE,
        });
      }
    }),
});

Deno.test({
  name:
    "loadIdentity() takes the key of a file that also holds the certificate",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      await cook(directory, [EC, "req -x509 -key sec1 -subj /CN=x -out crt"]);
      const key = await Deno.readTextFile(`${directory}/sec1`);
      const certificate = await Deno.readTextFile(`${directory}/crt`);
      const dump = await openssl(
        directory,
        "x509 -in crt -noout -text".split(" "),
      );
      const keyPath = `${directory}/key`;
      const alone = await loadIdentity({ keyPath: `${directory}/sec1` });
      for (
        const text of [
          key + certificate,
          certificate + key,
          new TextDecoder().decode(dump) + certificate + key,
        ]
      ) {
        await Deno.writeTextFile(keyPath, text);
        assertEquals((await loadIdentity({ keyPath })).id, alone.id);
      }
    }),
});

for (
  const [what, makeKey] of [
    ["P-256", "ecparam -name prime256v1 -genkey -noout -out key"],
    ["Ed25519", "genpkey -algorithm ed25519 -out key"],
    ["RSA", "genrsa -out key 2048"],
  ] as const
) {
  Deno.test({
    name:
      `loadIdentity() takes OpenSSL's CA:TRUE certificate of a ${what} key, and presents its own`,
    ignore,
    fn: () =>
      withDirectory(async (directory) => {
        const keyPath = await cook(directory, [
          makeKey,
          "req -x509 -key key -days 1 -subj /CN=alice/O=Acme -out crt",
        ]);
        const certPath = `${directory}/crt`;
        const identity = await loadIdentity({ keyPath, certPath });
        assertEquals(identity.id, await fingerprint(directory));
        verifyCertificate(identity.certificate, identity.id);
        assert(
          identity.certificatePem.trim() !==
            (await Deno.readTextFile(certPath)).trim(),
        );
      }),
  });
}

Deno.test({
  name:
    "loadIdentity() refuses a certificate that belongs to another key, naming both files' keys",
  ignore,
  fn: () =>
    withDirectory(async (directory) => {
      await cook(directory, [
        EC,
        "req -x509 -key sec1 -subj /CN=other -out crt",
        RSA,
      ]);
      const keyPath = await cook(directory, [
        "ecparam -name prime256v1 -genkey -noout -out key",
      ]);
      const certPath = `${directory}/crt`;
      const { id } = await loadIdentity({ keyPath });
      const other = await loadIdentity({ keyPath: `${directory}/sec1` });
      await assertCannotLoad({ keyPath, certPath }, "mismatched-key", certPath);
      await assertCannotLoad(
        { keyPath: `${directory}/pkcs8`, certPath },
        "mismatched-key",
        `for key ${other.id.slice(0, 8)}`,
      );
      await assertCannotLoad(
        { keyPath, certPath },
        "mismatched-key",
        `must be for ${id.slice(0, 8)}`,
      );
    }),
});
