// Keys and certificates on disk: what is written, what is left alone, what is said.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { loadIdentity, writeIdentity } from "../../src/identity/key_files.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { withDirectory } from "./openssl.ts";

/** A test in a directory of its own, with a key. */
function test(
  name: string,
  fn: (directory: string, made: Identity) => Promise<unknown>,
  options: { readonly ignore?: boolean } = {},
): void {
  Deno.test(name, options, () =>
    withDirectory(async (directory) => {
      await fn(directory, await Identity.generate({ ephemeral: false }));
    }));
}

const NOT_WINDOWS = { ignore: Deno.build.os === "windows" };

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

test(
  "writeIdentity() writes two files that loadIdentity() loads",
  async (directory, made) => {
    const prefix = `${directory}/alice`;
    const { keyPath, certPath } = writeIdentity(made, prefix);
    assertEquals([keyPath, certPath], [`${prefix}.key`, `${prefix}.crt`]);
    const loaded = await loadIdentity({ keyPath, certPath });
    assertEquals(loaded.id, made.id);
    assertEquals(loaded.certificate, made.certificate);
  },
);

test(
  "writeIdentity() lets only the owner read the key, and enter the directory it makes",
  async (directory, made) => {
    const { keyPath } = writeIdentity(made, `${directory}/new/deep/alice`);
    const mode = async (path: string) =>
      ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await mode(keyPath), 0o600);
    assertEquals(await mode(`${directory}/new`), 0o700);
    assertEquals(await mode(`${directory}/new/deep`), 0o700);
  },
  NOT_WINDOWS,
);

test(
  "writeIdentity() overwrites neither file, and leaves no half behind",
  async (directory, made) => {
    const prefix = `${directory}/alice`;
    for (
      const [there, code, other] of [
        ["key", "bad-key", "crt"],
        ["crt", "bad-certificate", "key"],
      ] as const
    ) {
      const path = `${prefix}.${there}`;
      await Deno.writeTextFile(path, "precious");
      const write = () => writeIdentity(made, prefix);
      await assertFails(write, code, path, "it exists");
      assertEquals(await Deno.readTextFile(path), "precious");
      assert(!await exists(`${prefix}.${other}`));
      await Deno.remove(path);
    }
  },
);

test(
  "writeIdentity() writes through no link to a file that is not there",
  async (directory, made) => {
    await Deno.symlink(`${directory}/elsewhere`, `${directory}/alice.key`);
    const write = () => writeIdentity(made, `${directory}/alice`);
    await assertFails(write, "bad-key", "it exists");
    assert(!await exists(`${directory}/elsewhere`));
  },
  NOT_WINDOWS,
);

test(
  "writeIdentity() names the directory that it cannot make",
  async (directory, made) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    const write = () => writeIdentity(made, `${directory}/file/alice`);
    await assertFails(write, "bad-key", `${directory}/file`);
  },
);

test(
  "loadIdentity() names the path and what is wrong with the file",
  async (directory, made) => {
    const path = (name: string) => `${directory}/${name}`;
    const { keyPath } = writeIdentity(made, path("good"));
    await Deno.writeFile(path("binary"), Uint8Array.of(0x30, 0x82, 0xff, 0xfe));
    await Deno.writeFile(path("large"), new Uint8Array(65_537).fill(0x20));
    await Deno.writeTextFile(path("empty"), "");
    for (
      const [name, because] of [
        ["missing", "there is no such file"],
        ["", "it is a directory"],
        ["binary", "it is not UTF-8"],
        ["large", "more than 65536 bytes"],
      ] as const
    ) {
      await assertFails(
        () => loadIdentity({ keyPath: path(name) }),
        "bad-key",
        `key "${path(name)}"`,
        because,
      );
      await assertFails(
        () => loadIdentity({ keyPath, certPath: path(name) }),
        "bad-certificate",
        `certificate "${path(name)}"`,
        because,
      );
    }
    const load = () => loadIdentity({ keyPath: path("empty") });
    await assertFails(load, "bad-key", path("empty"), "it is empty");
  },
);

Deno.test({
  name: "loadIdentity() says which flag is missing when Deno may not read",
  permissions: { read: false },
  fn: async () => {
    const load = () => loadIdentity({ keyPath: "/nowhere/node.key" });
    await assertFails(load, "permission", "--allow-read=/nowhere/node.key");
  },
});

Deno.test({
  name: "writeIdentity() says which flag is missing when Deno may not write",
  permissions: { read: true, write: false },
  fn: async () => {
    const made = await Identity.generate();
    const write = () => writeIdentity(made, "alice");
    await assertFails(write, "permission", "--allow-write=alice.key");
  },
});

test("loadIdentity() reads a key from a pipe", async (directory, made) => {
  const { keyPath } = writeIdentity(made, `${directory}/alice`);
  const pipe = `${directory}/pipe`;
  const script = 'mkfifo "$1" && echo ready && cat "$0" > "$1"';
  await using writer = new Deno.Command("sh", {
    args: ["-c", script, keyPath, pipe],
    stdout: "piped",
  }).spawn();
  const reader = writer.stdout.getReader();
  await reader.read();
  const loaded = await loadIdentity({ keyPath: pipe });
  assertEquals(loaded.id, made.id);
  await reader.cancel();
  await writer.status;
}, NOT_WINDOWS);
