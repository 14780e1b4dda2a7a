/** Files with secrets that every user of the machine can read. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { Identity } from "../../src/identity/identity.ts";
import { NodeProcess } from "../helpers/process.ts";
import { withDirectory } from "../identity/openssl.ts";

const CERTS = new URL("../../certs/", import.meta.url);
const IGNORE = { ignore: Deno.build.os === "windows" };

/** What a node with these flags warns of until it listens. */
async function talkOf(directory: string, args: string[]): Promise<string[]> {
  await using node = await NodeProcess.start(args, {
    permissions: [`--allow-read=${directory}`],
  });
  node.child.kill("SIGTERM");
  await node.child.code();
  return node.child.err.map((line) => JSON.parse(line).message);
}

Deno.test(
  "a node warns of --key, --passphrase-file and --secret-file that everybody may read, and starts",
  IGNORE,
  () =>
    withDirectory(async (directory) => {
      const { privateKey } = generateKeyPairSync("ed25519", {
        publicKeyEncoding: { type: "spki", format: "pem" },
        privateKeyEncoding: {
          type: "pkcs8",
          format: "pem",
          cipher: "aes-256-cbc",
          passphrase: "correct horse",
        },
      });
      const files = {
        "my key": privateKey,
        "passphrase": "correct horse\n",
        "secret": "0123456789abcdef0123456789abcdef",
      };
      for (const [name, text] of Object.entries(files)) {
        await Deno.writeTextFile(`${directory}/${name}`, text);
      }
      const args = [
        `--key=${directory}/my key`,
        `--passphrase-file=${directory}/passphrase`,
        `--secret-file=${directory}/secret`,
      ];
      const chmod = (mode: number) =>
        Promise.all(
          Object.keys(files).map((name) =>
            Deno.chmod(`${directory}/${name}`, mode)
          ),
        );
      await chmod(0o644);
      const warnings = await talkOf(directory, args);
      assertEquals(warnings.length, 3, warnings.join("\n"));
      for (
        const words of [
          `key "${directory}/my key" has mode 0644`,
          `run: chmod 600 '${directory}/my key'`,
          `passphrase "${directory}/passphrase" has mode 0644`,
          `network secret "${directory}/secret" has mode 0644`,
          `run: chmod 600 ${directory}/secret`,
        ]
      ) assertStringIncludes(warnings.join("\n"), words);

      await chmod(0o640);
      assertEquals(await talkOf(directory, args), []);
    }),
);

Deno.test(
  "a node says nothing of the published demo keys, which git makes readable for all",
  IGNORE,
  () =>
    withDirectory(async (directory) => {
      const key = `${directory}/alice.key`;
      await Deno.copyFile(new URL("alice.key", CERTS), key);
      await Deno.chmod(key, 0o644);
      assertEquals(await talkOf(directory, [`--key=${key}`]), []);

      const mine = await Identity.generate();
      await Deno.writeTextFile(key, mine.privateKeyPem);
      assertEquals((await talkOf(directory, [`--key=${key}`])).length, 1);
    }),
);

Deno.test(
  "a node warns of a key for its control API that everybody may read",
  IGNORE,
  () =>
    withDirectory(async (directory) => {
      const { certificatePem, privateKeyPem } = await Identity.generate();
      const [cert, key] = [`${directory}/http.crt`, `${directory}/http.key`];
      await Deno.writeTextFile(cert, certificatePem);
      await Deno.writeTextFile(key, privateKeyPem, { mode: 0o644 });
      await Deno.chmod(directory, 0o700);
      await using node = await NodeProcess.start([
        `--data=${directory}/data`,
        "--http=0",
        `--http-cert=${cert}`,
        `--http-key=${key}`,
      ], {
        permissions: [
          `--allow-read=${directory}`,
          `--allow-write=${directory}`,
        ],
      });
      await node.child.talk((line) => line.includes(`chmod 600 ${key}`));
    }),
);
