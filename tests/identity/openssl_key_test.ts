/** Keys and certificates as OpenSSL makes them, in every form it writes. */
import { assert, assertEquals } from "@std/assert";
import { hash } from "node:crypto";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import type { KeyType } from "../../src/identity/identity.ts";
import { loadIdentity } from "../../src/identity/key_files.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { HAS_OPENSSL, openssl, withDirectory } from "./openssl.ts";

const PASSPHRASE = "correct-horse";
const PASS = `-passout pass:${PASSPHRASE}`;

const P256 = "ecparam -name prime256v1 -genkey -noout -out key";
const ED25519 = "genpkey -algorithm ed25519 -out key";
const EC = "ecparam -name prime256v1 -genkey -out sec1";
const RSA = "genrsa -out pkcs8 2048";

/** What a key is, its type, and the commands that make it, with `;` between them. */
const PLAIN: [string, KeyType, string][] = [
  [
    "P-256 in SEC1 with its EC PARAMETERS",
    "P-256",
    "ecparam -name prime256v1 -genkey -out key",
  ],
  ["P-256 in SEC1 alone", "P-256", P256],
  [
    "P-256 in SEC1 without its public half",
    "P-256",
    `${EC}; ec -in sec1 -no_public -out key`,
  ],
  [
    "P-256 in PKCS#8",
    "P-256",
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key",
  ],
  ["Ed25519 in PKCS#8", "Ed25519", ED25519],
  ["RSA in PKCS#8", "RSA", "genrsa -out key 2048"],
  ["RSA in PKCS#1", "RSA", "genrsa -traditional -out key 2048"],
];

/** The same of keys that are encrypted with `PASSPHRASE`. */
const ENCRYPTED: [string, KeyType, string][] = [
  [
    "PKCS#8 by OpenSSL's defaults",
    "P-256",
    `${EC}; pkcs8 -topk8 -in sec1 -out key`,
  ],
  [
    "PKCS#8 with AES-128 and HMAC-SHA-512",
    "Ed25519",
    "genpkey -algorithm ed25519 -out plain; " +
    "pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512 -in plain -out key",
  ],
  [
    "PKCS#8 with AES-256 and HMAC-SHA-1, as OpenSSL 1.0 did",
    "P-256",
    `${EC}; pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1 -in sec1 -out key`,
  ],
  [
    "PKCS#8 with scrypt",
    "P-256",
    `${EC}; pkcs8 -topk8 -scrypt -in sec1 -out key`,
  ],
  ["SEC1 in the legacy way", "P-256", `${EC}; ec -aes128 -in sec1 -out key`],
  [
    "PKCS#1 in the legacy way",
    "RSA",
    `${RSA}; rsa -traditional -aes256 -in pkcs8 -out key`,
  ],
  [
    "PKCS#1 in the legacy way with triple DES",
    "RSA",
    `${RSA}; rsa -traditional -des3 -in pkcs8 -out key`,
  ],
];

/** What cannot be a key, the commands that make it, and the words of the refusal. */
const UNUSABLE: [string, string, string][] = [
  ["P-384", "ecparam -name secp384r1 -genkey -out key", "P-384"],
  ["secp256k1", "ecparam -name secp256k1 -genkey -out key", "secp256k1"],
  ["Ed448", "genpkey -algorithm ed448 -out key", "Ed448"],
  ["X25519", "genpkey -algorithm x25519 -out key", "X25519"],
  ["RSA-PSS", "genpkey -algorithm RSA-PSS -out key", "restricted to PSS"],
  ["RSA with 1024 bits", "genrsa -out key 1024", "has 1024 bits"],
  ["RSA with exponent 3", "genrsa -3 -out key 2048", "exponent is 3"],
  [
    "P-256 with its curve spelled out",
    `${EC}; ec -in sec1 -param_enc explicit -out key`,
    "cannot be read",
  ],
  ["a public key", `${EC}; ec -in sec1 -pubout -out key`, "a public key"],
  [
    "curve parameters alone",
    "ecparam -name prime256v1 -out key",
    '"EC PARAMETERS"',
  ],
  [
    "a certificate",
    `${EC}; req -x509 -key sec1 -subj /CN=x -out key`,
    "a certificate and no key",
  ],
  [
    "a certificate request",
    `${EC}; req -new -key sec1 -subj /CN=x -out key`,
    '"CERTIFICATE REQUEST"',
  ],
];

/** Runs commands of openssl in a directory; the path of the `key` that they write. */
async function cook(directory: string, commands: string): Promise<string> {
  for (const command of commands.split("; ")) {
    await openssl(directory, command.split(" "));
  }
  return `${directory}/key`;
}

/** What `openssl pkey -pubout -outform DER | sha256sum` prints. */
async function fingerprint(directory: string): Promise<string> {
  const command =
    `pkey -in key -pubout -outform DER -passin pass:${PASSPHRASE}`;
  return hash("sha256", await openssl(directory, command.split(" ")), "hex");
}

function test(name: string, fn: (directory: string) => Promise<void>): void {
  const ignore = !HAS_OPENSSL;
  Deno.test({ name, ignore, fn: () => withDirectory(fn) });
}

for (const [what, keyType, commands] of PLAIN) {
  test(`loadIdentity() loads ${what}, the same identity each time, OpenSSL's`, async (directory) => {
    const keyPath = await cook(directory, commands);
    const first = await loadIdentity({ keyPath });
    const again = await loadIdentity({ keyPath });
    assertEquals(first.id, await fingerprint(directory));
    assertEquals(again.id, first.id);
    assertEquals([first.keyType, first.ephemeral], [keyType, false]);
    verifyCertificate(first.certificate, first.id);
  });
}

for (const [what, keyType, commands] of ENCRYPTED) {
  test(`loadIdentity() opens a key encrypted by ${what}, with its passphrase only`, async (directory) => {
    const keyPath = await cook(directory, `${commands} ${PASS}`);
    const opened = await loadIdentity({ keyPath, passphrase: PASSPHRASE });
    assertEquals(opened.id, await fingerprint(directory));
    assertEquals(opened.keyType, keyType);
    const load = (passphrase?: string) => () =>
      loadIdentity({
        keyPath,
        ...(passphrase !== undefined && { passphrase }),
      });
    await assertFails(load(), "encrypted-key", "no passphrase was given");
    for (const wrong of ["", "correct-horsf", "x".repeat(5_000)]) {
      await assertFails(load(wrong), "encrypted-key", "does not open it");
    }
  });
}

for (const [what, commands, because] of UNUSABLE) {
  test(`loadIdentity() refuses ${what} and says what it is`, async (directory) => {
    const keyPath = await cook(directory, commands);
    await assertFails(() => loadIdentity({ keyPath }), "bad-key", because);
  });
}

for (
  const [command, how] of [
    [
      "pkcs8 -topk8 -in sec1 -out key -v1 PBE-SHA1-3DES",
      "scheme 1.2.840.113549.1.12.1.3",
    ],
    ["pkcs8 -topk8 -in sec1 -out key -v2 des3", "cipher 1.2.840.113549.3.7"],
    ["ec -camellia128 -in sec1 -out key", "CAMELLIA-128-CBC"],
  ] as const
) {
  test(`loadIdentity() asks for no passphrase where it cannot open ${how}, and names a command that helps`, async (directory) => {
    const keyPath = await cook(directory, `${EC}; ${command} ${PASS}`);
    const passphrase = () => {
      throw new Error("asked in vain");
    };
    const helps = "pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW";
    await assertFails(
      () => loadIdentity({ keyPath, passphrase }),
      "bad-key",
      `encrypted with ${how}`,
      `\`openssl ${helps}\``,
    );
    const before = await fingerprint(directory);
    const run = helps.replace("OLD", "key").replace("NEW", "new");
    await cook(directory, `${run} -passin pass:${PASSPHRASE} ${PASS}`);
    const opened = await loadIdentity({
      keyPath: `${directory}/new`,
      passphrase: PASSPHRASE,
    });
    assertEquals(opened.id, before);
  });
}

test("loadIdentity() takes the key of a file that also holds the certificate", async (directory) => {
  await cook(directory, `${EC}; req -x509 -key sec1 -subj /CN=x -out crt`);
  const key = await Deno.readTextFile(`${directory}/sec1`);
  const certificate = await Deno.readTextFile(`${directory}/crt`);
  const dump = new TextDecoder().decode(
    await openssl(directory, "x509 -in crt -noout -text".split(" ")),
  );
  const keyPath = `${directory}/key`;
  const alone = await loadIdentity({ keyPath: `${directory}/sec1` });
  const both = certificate + key;
  for (const text of [key + certificate, both, dump + both]) {
    await Deno.writeTextFile(keyPath, text);
    assertEquals((await loadIdentity({ keyPath })).id, alone.id);
  }
});

for (
  const [what, makeKey] of [
    ["P-256", P256],
    ["Ed25519", ED25519],
    ["RSA", "genrsa -out key 2048"],
  ] as const
) {
  test(`loadIdentity() takes OpenSSL's CA:TRUE certificate of a ${what} key, and presents its own`, async (directory) => {
    const keyPath = await cook(
      directory,
      `${makeKey}; req -x509 -key key -days 1 -subj /CN=alice/O=Acme -out crt`,
    );
    const certPath = `${directory}/crt`;
    const identity = await loadIdentity({ keyPath, certPath });
    assertEquals(identity.id, await fingerprint(directory));
    verifyCertificate(identity.certificate, identity.id);
    const given = await Deno.readTextFile(certPath);
    assert(identity.certificatePem.trim() !== given.trim());
  });
}

test("loadIdentity() refuses a certificate that belongs to another key, naming both files' keys", async (directory) => {
  const keyPath = await cook(
    directory,
    `${EC}; req -x509 -key sec1 -subj /CN=other -out crt; ${RSA}; ${P256}`,
  );
  const certPath = `${directory}/crt`;
  const { id } = await loadIdentity({ keyPath });
  const other = await loadIdentity({ keyPath: `${directory}/sec1` });
  await assertFails(
    () => loadIdentity({ keyPath, certPath }),
    "mismatched-key",
    certPath,
    `must be for ${id.slice(0, 8)}`,
  );
  await assertFails(
    () => loadIdentity({ keyPath: `${directory}/pkcs8`, certPath }),
    "mismatched-key",
    `for key ${other.id.slice(0, 8)}`,
  );
});
