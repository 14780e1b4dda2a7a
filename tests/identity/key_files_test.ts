import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import { loadIdentity, writeIdentity } from "../../src/identity/key_files.ts";
import { Identity } from "../../src/identity/identity.ts";
import { withDirectory } from "./openssl.ts";

const WINDOWS = Deno.build.os === "windows";

async function assertFails(
  run: () => unknown,
  code: ErrorCode,
  ...words: string[]
): Promise<void> {
  const error = await assertRejects(async () => await run(), VerackError);
  assertEquals(error.code, code, error.message);
  for (const word of words) assert(error.message.includes(word), error.message);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("writeIdentity() writes two files that loadIdentity() loads", () =>
  withDirectory(async (directory) => {
    const made = await Identity.generate({ ephemeral: false });
    const prefix = `${directory}/alice`;
    const { keyPath, certPath } = writeIdentity(made, prefix);
    assertEquals([keyPath, certPath], [`${prefix}.key`, `${prefix}.crt`]);
    const loaded = await loadIdentity({ keyPath, certPath });
    assertEquals(loaded.id, made.id);
    assertEquals(loaded.certificate, made.certificate);
  }));

Deno.test({
  name:
    "writeIdentity() lets nobody but the owner read the key, nor enter the directory it makes",
  ignore: WINDOWS,
  fn: () =>
    withDirectory(async (directory) => {
      const made = await Identity.generate();
      const prefix = `${directory}/new/deep/alice`;
      const { keyPath } = writeIdentity(made, prefix);
      const mode = async (path: string) =>
        ((await Deno.stat(path)).mode ?? 0) & 0o777;
      assertEquals(await mode(keyPath), 0o600);
      assertEquals(await mode(`${directory}/new`), 0o700);
      assertEquals(await mode(`${directory}/new/deep`), 0o700);
    }),
});

Deno.test("writeIdentity() overwrites neither file, and leaves no half behind", () =>
  withDirectory(async (directory) => {
    const made = await Identity.generate();
    const prefix = `${directory}/alice`;
    await Deno.writeTextFile(`${prefix}.key`, "precious");
    await assertFails(
      () => writeIdentity(made, prefix),
      "bad-key",
      `${prefix}.key`,
      "it exists",
    );
    assertEquals(await Deno.readTextFile(`${prefix}.key`), "precious");
    assert(!await exists(`${prefix}.crt`));

    await Deno.rename(`${prefix}.key`, `${prefix}.crt`);
    await assertFails(
      () => writeIdentity(made, prefix),
      "bad-certificate",
      `${prefix}.crt`,
      "it exists",
    );
    assertEquals(await Deno.readTextFile(`${prefix}.crt`), "precious");
    assert(!await exists(`${prefix}.key`));
  }));

Deno.test(
  "writeIdentity() writes through no link to a file that is not there",
  {
    ignore: WINDOWS,
  },
  () =>
    withDirectory(async (directory) => {
      const made = await Identity.generate();
      await Deno.symlink(`${directory}/elsewhere`, `${directory}/alice.key`);
      await assertFails(
        () => writeIdentity(made, `${directory}/alice`),
        "bad-key",
        "it exists",
      );
      assert(!await exists(`${directory}/elsewhere`));
    }),
);

Deno.test("writeIdentity() names the directory that it cannot make", () =>
  withDirectory(async (directory) => {
    const made = await Identity.generate();
    await Deno.writeTextFile(`${directory}/file`, "");
    await assertFails(
      () => writeIdentity(made, `${directory}/file/alice`),
      "bad-key",
      `${directory}/file`,
    );
  }));

Deno.test("loadIdentity() names the path and what is wrong with the file", () =>
  withDirectory(async (directory) => {
    const path = (name: string) => `${directory}/${name}`;
    const made = await Identity.generate();
    const good = writeIdentity(made, path("good"));
    await Deno.writeFile(path("binary"), Uint8Array.of(0x30, 0x82, 0xff, 0xfe));
    await Deno.writeFile(path("large"), new Uint8Array(65_537).fill(0x20));
    await Deno.writeTextFile(path("empty"), "");

    const cases: [string, string][] = [
      ["missing", "there is no such file"],
      ["", "it is a directory"],
      ["binary", "it is not UTF-8"],
      ["large", "more than 65536 bytes"],
    ];
    for (const [name, because] of cases) {
      await assertFails(
        () => loadIdentity({ keyPath: path(name) }),
        "bad-key",
        `key "${path(name)}"`,
        because,
      );
      await assertFails(
        () => loadIdentity({ keyPath: good.keyPath, certPath: path(name) }),
        "bad-certificate",
        `certificate "${path(name)}"`,
        because,
      );
    }
    await assertFails(
      () => loadIdentity({ keyPath: path("empty") }),
      "bad-key",
      path("empty"),
      "it is empty",
    );
  }));

Deno.test({
  name: "loadIdentity() says which flag is missing when Deno may not read",
  permissions: { read: false },
  fn: () =>
    assertFails(
      () => loadIdentity({ keyPath: "/nowhere/node.key" }),
      "permission",
      "--allow-read=/nowhere/node.key",
    ),
});

Deno.test({
  name: "writeIdentity() says which flag is missing when Deno may not write",
  permissions: { read: true, write: false },
  fn: async () => {
    const made = await Identity.generate();
    await assertFails(
      () => writeIdentity(made, "alice"),
      "permission",
      "--allow-write=alice.key",
    );
  },
});

Deno.test({
  name: "loadIdentity() reads a key from a pipe",
  ignore: WINDOWS,
  fn: () =>
    withDirectory(async (directory) => {
      const made = await Identity.generate();
      const { keyPath } = writeIdentity(made, `${directory}/alice`);
      const pipe = `${directory}/pipe`;
      const command = new Deno.Command("sh", {
        args: [
          "-c",
          'mkfifo "$1" && echo ready && cat "$0" > "$1"',
          keyPath,
          pipe,
        ],
        stdout: "piped",
      });
      await using writer = command.spawn();
      const reader = writer.stdout.getReader();
      await reader.read();
      const loaded = await loadIdentity({ keyPath: pipe });
      assertEquals(loaded.id, made.id);
      await reader.cancel();
      await writer.status;
    }),
});
