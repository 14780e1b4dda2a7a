/** `verack identity new` and `verack identity show`, as processes. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DEMO_IDENTITIES } from "../../src/identity/key_files.ts";
import { loadIdentity } from "../../src/identity/key_files.ts";
import { KEY_TYPES } from "../../src/identity/identity.ts";
import { type Child, verack } from "../helpers/child.ts";
import { HAS_OPENSSL, openssl, withDirectory } from "../identity/openssl.ts";

const CERTS = new URL("../../certs/", import.meta.url).pathname;

async function object(child: Child): Promise<Record<string, unknown>> {
  assertEquals(await child.code(), 0, child.err.join("\n"));
  assertEquals([child.out.length, child.err], [1, []]);
  return JSON.parse(child.out.join());
}

Deno.test("identity new writes a key and a certificate that identity show agrees on, of every type", async () => {
  await withDirectory(async (directory) => {
    const permissions = [`--allow-write=${directory}`];
    await Promise.all(KEY_TYPES.map(async (keyType) => {
      const out = `${directory}/deep/er/${keyType}`;
      await using make = verack([
        ...["identity", "new", `--out=${out}`, `--type=${keyType}`, "--json"],
      ], { permissions });
      const files = { key: `${out}.key`, certificate: `${out}.crt` };
      const made = await object(make);
      const { id } = await loadIdentity({
        keyPath: files.key,
        certPath: files.certificate,
      });
      const expected = { id, keyType, demo: false };
      assertEquals(made, { ...expected, ...files });
      if (Deno.build.os !== "windows") {
        const { mode } = await Deno.stat(files.key);
        assertEquals((mode ?? 0) & 0o777, 0o600);
      }
      for (const [what, path] of Object.entries(files)) {
        await using show = verack(["identity", "show", path, "--json"], {
          permissions: [`--allow-read=${path}`],
        });
        assertEquals(await object(show), { ...expected, [what]: path });
      }
    }));
  });
});

Deno.test("identity new overwrites nothing and says what is in the way", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/mine.key`;
    await Deno.writeTextFile(path, "precious");
    await using child = verack(["identity", "new", `-o${directory}/mine`], {
      permissions: [`--allow-write=${directory}`],
    });
    assertEquals(await child.code(), 1);
    assertEquals(child.err, [
      `verack: Cannot write "${path}": it exists, must be a new file`,
    ]);
    assertEquals(await Deno.readTextFile(path), "precious");
  });
});

Deno.test("identity show prints the identity of a key, and that a demo key is public", async () => {
  const [alice] = DEMO_IDENTITIES;
  const path = `${CERTS}alice.crt`;
  await using child = verack(["identity", "show", path], {
    permissions: [`--allow-read=${path}`],
  });
  assertEquals(await child.code(), 0);
  const id = alice?.id ?? "";
  assertEquals(child.out, [
    `identity     ${id}`,
    `short        ${id.slice(0, 8)}`,
    `name         ${id.slice(0, 32)}.${id.slice(32)}.verack.invalid`,
    "type         P-256",
    `certificate  ${path}`,
    "This is a demo key, which everybody has.",
  ]);
});

Deno.test({
  name: "identity show knows the key of a foreign certificate",
  ignore: !HAS_OPENSSL,
  fn: () =>
    withDirectory(async (directory) => {
      const [key, path] = [`${directory}/key`, `${directory}/ca.crt`];
      await openssl(directory, [
        ..."req -x509 -newkey rsa:2048 -nodes -keyout key -out ca.crt".split(
          " ",
        ),
        ..."-subj /CN=me -days 2".split(" "),
      ]);
      await using show = verack(["identity", "show", path, "--json"], {
        permissions: [`--allow-read=${path}`],
      });
      const { id } = await loadIdentity({ keyPath: key });
      assertEquals(await object(show), {
        id,
        keyType: "RSA",
        demo: false,
        certificate: path,
      });
    }),
});

Deno.test("identity without new or show, or without its arguments, is misuse", async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["identity"], /identity new or identity show/],
    [["identity", "newt"], /did you mean identity new\?/],
    [["identity", "new"], /^verack identity new: --out is missing/],
    [["identity", "show"], /^verack identity show: FILE is missing/],
    [
      ["identity", "show", "a", "--passphrase-env=A", "--passphrase-file=a"],
      /^verack identity show: .* must be one of them/,
    ],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    await using child = verack(args);
    assertEquals(await child.code(), 2);
    assertEquals(child.err.length, 1);
    assertMatch(child.err.join(), says);
  }));
});

Deno.test("identity show says of a file that holds neither key nor certificate what was wanted", async () => {
  const path = `${CERTS}README.md`;
  await using child = verack(["identity", "show", path], {
    permissions: [`--allow-read=${path}`],
  });
  assertEquals(await child.code(), 1);
  assertStringIncludes(
    child.err.join("\n"),
    `verack: Cannot load "${path}": it holds no PEM block, must be a private key`,
  );
});
