import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createPrivateKey } from "node:crypto";
import type { ErrorCode } from "../../src/core/errors.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { encodeDer, encodeOid } from "../../src/identity/der.ts";
import {
  type FromPemOptions,
  Identity,
  KEY_TYPES,
} from "../../src/identity/identity.ts";
import { writePem } from "../../src/core/pem.ts";
import { verifyBytes } from "../../src/identity/signature.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import {
  bitString,
  ED25519,
  forge,
  type ForgeKey,
  idOf,
  integer,
  keyOf,
  P256,
  sequence,
} from "./forgery.ts";

const assertCannotLoad = (
  pem: string,
  code: ErrorCode,
  because: string,
  options: FromPemOptions = {},
) => assertFails(() => Identity.fromPem(pem, options), code, because);

for (const keyType of KEY_TYPES) {
  Deno.test(`Identity.generate() makes a ${keyType} key that loads again as the same identity`, async () => {
    const made = await Identity.generate({ keyType });
    assertEquals(made.keyType, keyType);
    const verified = verifyCertificate(made.certificate, made.id);
    assertEquals(verified.key.type, keyType);

    const loaded = await Identity.fromPem(made.privateKeyPem, {
      certificatePem: made.certificatePem,
    });
    assertEquals(loaded.id, made.id);
    assertEquals(loaded.keyType, keyType);
    assertEquals(loaded.privateKeyPem, made.privateKeyPem);
    // A certificate that fits the rules is presented as it is.
    assertEquals(loaded.certificate, made.certificate);
    assertEquals(made.ephemeral, true);
    assertEquals(loaded.ephemeral, false);
  });

  Deno.test(`sign() with a ${keyType} key makes what its certificate verifies`, async () => {
    const identity = await Identity.generate({ keyType });
    const { key, publicKey } = verifyCertificate(identity.certificate);
    const data = new TextEncoder().encode("data");
    const signature = identity.sign(data);
    assert(verifyBytes(key, publicKey, data, signature));
    data[0]! ^= 1;
    assert(!verifyBytes(key, publicKey, data, signature));
  });
}

Deno.test("Identity.generate() makes another Ed25519 key each time, and says whether it is to be kept", async () => {
  const one = await Identity.generate();
  const two = await Identity.generate({ ephemeral: false });
  assertEquals(one.keyType, "Ed25519");
  assertNotEquals(one.id, two.id);
  assertEquals([one.ephemeral, two.ephemeral], [true, false]);
});

Deno.test("Identity.generate() refuses a key type that does not exist", async () => {
  for (const keyType of ["P-384", "constructor", ""]) {
    await assertRejects(
      // @ts-expect-error: what a caller without types may pass.
      () => Identity.generate({ keyType }),
      TypeError,
      "must be one of P-256, Ed25519, RSA",
    );
  }
});

Deno.test("Identity shows no private key when it is printed or serialised", async () => {
  const identity = await Identity.generate();
  const secret = createPrivateKey(identity.privateKeyPem)
    .export({ type: "pkcs8", format: "der" });
  const base64 = new Uint8Array(secret).toBase64().slice(0, 40);
  assertStringIncludes(identity.privateKeyPem.replaceAll("\n", ""), base64);
  const shown = Deno.inspect(identity, { depth: 10, iterableLimit: 10_000 }) +
    JSON.stringify(identity);
  assertStringIncludes(shown, identity.id);
  assert(!shown.includes("PRIVATE KEY"));
  assert(!shown.includes(base64));
});

Deno.test("Identity.fromPem() refuses what is no key, each with its own words", async () => {
  const { privateKeyPem, certificatePem } = await Identity.generate();
  const lines = privateKeyPem.split("\n");
  const cases: [string, string][] = [
    ["", "it is empty"],
    [" \n\r\n\t", "it is empty"],
    ["nonsense", "no PEM block"],
    ["ssh-ed25519 AAAAC3Nz someone@example.org", "no PEM block"],
    [certificatePem, "a certificate and no key"],
    [writePem("PUBLIC KEY", P256.spki), "a public key"],
    [writePem("RSA PUBLIC KEY", P256.spki), "a public key"],
    [privateKeyPem + privateKeyPem, "2 private keys"],
    [`${privateKeyPem}${writePem("EC PRIVATE KEY", sequence())}`, "2 private"],
    [lines.slice(0, -2).join("\n"), "is cut off"],
    [lines.slice(1).join("\n"), "ends without having begun"],
    [lines[0] + "\n" + privateKeyPem, "before it has ended"],
    [`${lines[0]}\n!!!!\n-----END PRIVATE KEY-----`, "is not base64"],
    [`${lines[0]}\n-----END PRIVATE KEY-----`, "is empty"],
    [writePem("PRIVATE KEY", new Uint8Array(40)), "cannot be read"],
    [writePem("EC PRIVATE KEY", sequence()), "cannot be read"],
    [writePem("RSA PRIVATE KEY", sequence()), "cannot be read"],
    [writePem("DSA PRIVATE KEY", sequence()), '"DSA PRIVATE KEY"'],
    [writePem("OPENSSH PRIVATE KEY", sequence()), "ssh-keygen -p -m PKCS8"],
    ["x".repeat(65_537), "has 65537 characters"],
  ];
  for (const [pem, because] of cases) {
    await assertCannotLoad(pem, "bad-key", because);
  }
});

Deno.test("Identity.fromPem() shows nothing of a damaged key", async () => {
  const { privateKeyPem } = await Identity.generate({ keyType: "P-256" });
  const damaged = privateKeyPem.replace("MIG", "MI!");
  const error = await assertCannotLoad(damaged, "bad-key", "is not base64");
  assert(!error.message.includes("MI!"));
});

Deno.test("Identity.fromPem() reads a key whatever its line ends, widths and surroundings", async () => {
  const { id, privateKeyPem } = await Identity.generate();
  const body = privateKeyPem.split("\n").slice(1, -2).join("");
  for (
    const pem of [
      privateKeyPem.replaceAll("\n", "\r\n"),
      `\ufeff${privateKeyPem}`,
      `Bag Attributes\n    friendlyName: alice\n${privateKeyPem}# end`,
      privateKeyPem.trimEnd(),
      privateKeyPem.replaceAll("\n", "  \n"),
      `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`,
    ]
  ) {
    assertEquals((await Identity.fromPem(pem)).id, id);
  }
});

Deno.test("Identity.fromPem() refuses a key whose halves do not belong together", async () => {
  const secretOf = (key: ForgeKey) =>
    encodeDer(
      0x04,
      Uint8Array.fromBase64(key.privateKey.export({ format: "jwk" }).d ?? "", {
        alphabet: "base64url",
      }),
    );
  const curve = encodeOid("1.2.840.10045.3.1.7");
  const sec1 = (point: Uint8Array) =>
    sequence(
      integer(1),
      secretOf(P256),
      encodeDer(0xa0, curve),
      encodeDer(0xa1, bitString(point)),
    );
  const pkcs8 = (point: Uint8Array) =>
    sequence(
      encodeDer(0x02, Uint8Array.of(0)),
      sequence(encodeOid("1.2.840.10045.2.1"), curve),
      encodeDer(0x04, sec1(point)),
    );
  // RFC 8410 §10.3: version 2, which carries the public key.
  const ed25519 = (point: Uint8Array) =>
    sequence(
      integer(1),
      sequence(encodeOid("1.3.101.112")),
      encodeDer(0x04, secretOf(ED25519)),
      encodeDer(0x81, Uint8Array.of(0), point),
    );
  const p256Point = (key: ForgeKey) => key.spki.subarray(-65);
  const edPoint = (key: ForgeKey) => key.spki.subarray(-32);
  for (
    const [label, key, write, pointOf] of [
      ["EC PRIVATE KEY", P256, sec1, p256Point],
      ["PRIVATE KEY", P256, pkcs8, p256Point],
      ["PRIVATE KEY", ED25519, ed25519, edPoint],
    ] as const
  ) {
    const own = await Identity.fromPem(writePem(label, write(pointOf(key))));
    assertEquals(own.id, idOf(key.spki));
    const others = write(pointOf(keyOf(key.type)));
    await assertCannotLoad(writePem(label, others), "bad-key", "Cannot load");
  }
});

Deno.test("Identity.fromPem() presents no certificate that breaks the rules, though it is of its key", async () => {
  const pem = P256.privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
  const old = forge(P256, { serial: integer(0) });
  const certificatePem = writePem("CERTIFICATE", old);
  const identity = await Identity.fromPem(pem, { certificatePem });
  assertNotEquals(identity.certificate, old);
  verifyCertificate(identity.certificate, identity.id);
});

Deno.test("Identity.fromPem() refuses a certificate that cannot be read or is another key's", async () => {
  const { privateKeyPem, certificatePem } = await Identity.generate();
  const other = await Identity.generate();
  const cases: [string, ErrorCode, string][] = [
    ["", "bad-certificate", "holds no certificate"],
    ["nonsense", "bad-certificate", "holds no certificate"],
    [privateKeyPem, "bad-certificate", "holds no certificate"],
    [
      writePem("CERTIFICATE", sequence()),
      "bad-certificate",
      "cannot be read",
    ],
    [certificatePem.slice(0, 200), "bad-certificate", "is cut off"],
    ["x".repeat(65_537), "bad-certificate", "has 65537 characters"],
    [other.certificatePem, "mismatched-key", `must be for`],
    [
      other.certificatePem + certificatePem,
      "mismatched-key",
      `it is for key ${other.id.slice(0, 8)}`,
    ],
  ];
  for (const [pem, code, because] of cases) {
    await assertCannotLoad(privateKeyPem, code, because, {
      certificatePem: pem,
    });
  }
  const chain = certificatePem + other.certificatePem;
  const identity = await Identity.fromPem(privateKeyPem, {
    certificatePem: chain,
  });
  assertEquals(identity.certificatePem, certificatePem);
});

Deno.test("Identity.fromPem() asks for a passphrase only when the key is encrypted, and once", async () => {
  const { id, privateKeyPem } = await Identity.generate();
  let asked = 0;
  const passphrase = () => {
    asked += 1;
    return Promise.resolve("secret");
  };
  await Identity.fromPem(privateKeyPem, { passphrase });
  assertEquals(asked, 0);
  const encrypted = createPrivateKey(privateKeyPem).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "secret",
  }).toString();
  assertEquals((await Identity.fromPem(encrypted, { passphrase })).id, id);
  assertEquals(asked, 1);
  await assertCannotLoad(
    encrypted,
    "encrypted-key",
    "no passphrase was given",
    { passphrase: () => undefined },
  );
});

Deno.test("Identity.fromPem() refuses encrypted keys that are damaged, or that would take for ever to open", async () => {
  const { privateKeyPem } = await Identity.generate();
  const label = "ENCRYPTED PRIVATE KEY";
  const passphrase = () => {
    throw new Error("asked in vain");
  };
  const octets = (length: number) => encodeDer(0x04, new Uint8Array(length));
  const rounds = integer(0x7f, 0xff, 0xff, 0xff);
  const pbkdf2 = sequence(
    encodeOid("1.2.840.113549.1.5.12"),
    sequence(octets(8), rounds),
  );
  const aes256 = sequence(encodeOid("2.16.840.1.101.3.4.1.42"), octets(16));
  const pbes2 = sequence(
    encodeOid("1.2.840.113549.1.5.13"),
    sequence(pbkdf2, aes256),
  );
  const legacy = privateKeyPem
    .replaceAll("PRIVATE KEY", "RSA PRIVATE KEY")
    .replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n");
  for (
    const [pem, because] of [
      [writePem(label, sequence()), "ends before"],
      [writePem(label, sequence(pbes2, octets(48))), "2147483647 rounds"],
      [legacy, "names no cipher"],
    ] as const
  ) await assertCannotLoad(pem, "bad-key", because, { passphrase });
});
