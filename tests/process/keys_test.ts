/** Key and certificate files given on the command line, good ones and bad ones. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { generateKeyPairSync, hash } from "node:crypto";
import { Identity } from "../../src/identity/identity.ts";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_OPENSSL, openssl, withDirectory } from "../identity/openssl.ts";

const PASSPHRASE = "correct horse";
const CERTS = new URL("../../certs/", import.meta.url);

/** How `openssl` is asked for a key, by the name of its file. */
const OPENSSL_KEYS = {
  "p256.sec1": "ecparam -name prime256v1 -genkey -noout -out",
  "p256.pkcs8": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out",
  "ed25519.pkcs8": "genpkey -algorithm ed25519 -out",
  "rsa.pkcs1": "genrsa -traditional -out",
} as const;

/** The identity of a key, computed by `openssl` alone. */
async function identityBy(directory: string, key: string): Promise<string> {
  const args = `pkey -in ${key} -pubout -outform DER`.split(" ");
  return hash("sha256", await openssl(directory, args), "hex");
}

/** An encrypted key in `directory`, and its identity. */
async function encryptedKey(
  directory: string,
): Promise<{ path: string; id: string }> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: PASSPHRASE,
  });
  const plain = privateKey.export({ type: "pkcs8", format: "pem" });
  const path = `${directory}/encrypted.key`;
  await Deno.writeTextFile(path, pem.toString());
  const { id } = await Identity.fromPem(plain.toString());
  return { path, id };
}

Deno.test({
  name:
    "nodes with keys and CA:TRUE certificates of openssl have the same identity every run, and meet",
  ignore: !HAS_OPENSSL,
  fn: () =>
    withDirectory(async (directory) => {
      const permissions = [`--allow-read=${directory}`];
      const nodes: NodeProcess[] = [];
      try {
        for (const [name, command] of Object.entries(OPENSSL_KEYS)) {
          await openssl(directory, [...command.split(" "), name]);
          await openssl(directory, [
            ..."req -x509 -days 30 -subj /CN=me".split(" "),
            ..."-addext basicConstraints=critical,CA:TRUE".split(" "),
            ...["-key", name, "-out", `${name}.crt`],
          ]);
          const files = [
            `--key=${directory}/${name}`,
            `--cert=${directory}/${name}.crt`,
          ];
          await using before = await NodeProcess.start(files, { permissions });
          assertEquals(await before.end("SIGTERM"), 143);
          const node = await NodeProcess.start([
            ...files,
            ...nodes.slice(0, 1).map((it) => `--connect=${it.address}`),
          ], { permissions });
          nodes.push(node);
          assertEquals(node.id, await identityBy(directory, name), name);
          assertEquals(before.id, node.id);
        }
        await Promise.all(nodes.map((node) => node.meshOf(nodes.length)));
      } finally {
        for (const node of nodes) await node[Symbol.asyncDispose]();
      }
    }),
});

Deno.test("an encrypted key is opened by --passphrase-file and by --passphrase-env", async () => {
  await withDirectory(async (directory) => {
    const { path, id } = await encryptedKey(directory);
    const file = `${directory}/passphrase`;
    await Deno.writeTextFile(file, `${PASSPHRASE}\nnot this line\n`);
    const permissions = [`--allow-read=${directory}`];
    await using byFile = await NodeProcess.start([
      `--key=${path}`,
      `--passphrase-file=${file}`,
    ], { permissions });
    assertEquals(byFile.id, id);

    await using byVariable = verack([
      ...["identity", "show", path, "--passphrase-env=MY_SECRET", "--json"],
    ], {
      permissions: [...permissions, "--allow-env=MY_SECRET"],
      env: { MY_SECRET: PASSPHRASE },
    });
    assertEquals(await byVariable.code(), 0, byVariable.err.join());
    assertEquals(JSON.parse(byVariable.out.join()).id, id);
  });
});

Deno.test("a passphrase that is missing, wrong or out of reach ends with one line", async () => {
  await withDirectory(async (directory) => {
    const { path } = await encryptedKey(directory);
    const wrong = `${directory}/wrong`;
    await Deno.writeTextFile(wrong, "incorrect horse", { mode: 0o600 });
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[], `"${path}": it is encrypted, must be opened with --passphrase-file`],
      [[`--passphrase-file=${wrong}`], `"${path}": the passphrase does not`],
      [[`--passphrase-file=${wrong}.not`], `"${wrong}.not": there is no such`],
      [[`--passphrase-file=${directory}`], `"${directory}": it is a directory`],
      [["--passphrase-env=VERACK_LOG"], "VERACK_LOG: the variable is not set"],
      [["--passphrase-env=MY_SECRET"], "add --allow-env=MY_SECRET"],
    ];
    await Promise.all(cases.map(async ([flags, says]) => {
      await using child = verack(["--port=0", `--key=${path}`, ...flags], {
        permissions: [`--allow-read=${directory}`],
      });
      assertEquals(await child.code(), 1, flags.join());
      assertEquals(child.err.length, 1, child.err.join("\n"));
      assertStringIncludes(child.err.join(), says);
      assertEquals(child.out, []);
    }));
  });
});

Deno.test("files that are no usable key or certificate end with one line that names the file and what was wanted", async () => {
  await withDirectory(async (directory) => {
    const pem = (type: "P-256" | "P-384") =>
      generateKeyPairSync("ec", {
        namedCurve: type,
        privateKeyEncoding: { type: "pkcs8", format: "pem" },
        publicKeyEncoding: { type: "spki", format: "pem" },
      });
    const mine = await Identity.generate();
    const others = await Identity.generate();
    const { publicKey } = pem("P-256");
    const files: Readonly<Record<string, string | Uint8Array>> = {
      "good.key": mine.privateKeyPem,
      "good.crt": mine.certificatePem,
      "others.crt": others.certificatePem,
      "empty": "",
      "nonsense": "certainly not a key\n",
      "binary": Uint8Array.of(0x30, 0x82, 0xff, 0xfe),
      "huge": "x".repeat(1 << 20),
      "public": publicKey,
      "two": mine.privateKeyPem + others.privateKeyPem,
      "cut": mine.privateKeyPem.slice(0, 80),
      "p384": pem("P-384").privateKey,
      "broken.crt":
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    };
    for (const [name, content] of Object.entries(files)) {
      const path = `${directory}/${name}`;
      if (typeof content === "string") await Deno.writeTextFile(path, content);
      else await Deno.writeFile(path, content);
    }
    // Whoever may read everything can also read this one.
    const secret = `${directory}/secret`;
    await Deno.writeTextFile(secret, mine.privateKeyPem, { mode: 0o000 });
    const blind = await Deno.readTextFile(secret).then(() => false, () => true);

    const cases:
      readonly (readonly [flag: string, file: string, why: string])[] = [
        ["key", "missing", "there is no such file"],
        ["key", ".", "it is a directory, must be a file"],
        ["key", "empty", "it is empty, must be a private key"],
        ["key", "nonsense", "it holds no PEM block, must be a private key"],
        ["key", "binary", "it is not UTF-8 text, must be PEM"],
        ["key", "huge", "must be a PEM file of one key"],
        ["key", "public", "it holds a public key, must be a private key"],
        ["key", "good.crt", "it holds a certificate and no key"],
        ["key", "two", "it holds 2 private keys, must hold one"],
        ["key", "cut", "is cut off"],
        ["key", "p384", "P-384"],
        ...(blind
          ? [["key", "secret", "does not let this user read it"] as const]
          : []),
        ["cert", "missing", "there is no such file"],
        ["cert", "nonsense", "it holds no certificate, must be a certificate"],
        ["cert", "broken.crt", "it cannot be read"],
        ["cert", "others.crt", "must be for"],
      ];
    const queue = [...cases];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [flag, file, why] = next;
        const path = `${directory}/${file}`;
        const key = flag === "key" ? path : `${directory}/good.key`;
        await using child = verack([
          ...["--port=0", `--key=${key}`],
          ...(flag === "cert" ? [`--cert=${path}`] : []),
        ], { permissions: [`--allow-read=${directory}`] });
        const talk = child.err;
        assertEquals(await child.code(), 1, `${flag} ${file}`);
        assertEquals(talk.length, 1, talk.join("\n"));
        assertStringIncludes(talk.join(), `"${path}": `);
        assertStringIncludes(talk.join(), why);
        assertEquals(child.out, []);
      }
    };
    await Promise.all([work(), work(), work()]);
  });
});

Deno.test("a demo identity serves on loopback and nowhere else", async () => {
  const key = new URL("alice.key", CERTS).pathname;
  const permissions = [`--allow-read=${key}`];
  await using alice = await NodeProcess.start([`--key=${key}`], {
    permissions,
  });
  assertMatch(alice.id, /^3a1e1b52/);

  await using refused = verack(["--port=0", `--key=${key}`], { permissions });
  assertEquals(await refused.code(), 1);
  assertEquals(refused.err.length, 1);
  const [line] = refused.err;
  assert(line !== undefined);
  assertStringIncludes(line, "published demo keys of certs/");
  assertStringIncludes(line, "use --host 127.0.0.1");
  assertEquals(refused.out, []);
});
