// What becomes of a data directory, whoever touched it meanwhile.
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  DataDirectory,
  type DataOptions,
  openStore,
} from "../../src/store/data_directory.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { writeWhole } from "../../src/identity/private_file.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { place, samplePeer } from "./sample_peer.ts";

const ON_WINDOWS = Deno.build.os === "windows";

function mode(path: string): string {
  return ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
}

/** Opens and closes; the identity that was found or made. */
async function visit(path: string, options?: DataOptions): Promise<string> {
  using data = await DataDirectory.open(path, options);
  return data.identity.id;
}

/** Asserts that opening is refused with this code and these words. */
function refuses(
  path: string,
  code: ErrorCode,
  words: readonly string[],
  options?: DataOptions,
): Promise<VerackError> {
  return assertFails(() => visit(path, options), code, ...words);
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("a directory is made with a key, and has the same one every time", async () => {
  using at = place("data");
  const made = await visit(at.path);
  assertEquals(names(at.path), [
    "node.crt",
    "node.db",
    "node.key",
    "node.lock",
  ]);
  const certificate = await Deno.readTextFile(`${at.path}/node.crt`);
  assertEquals(await visit(at.path), made);
  assertEquals(await Deno.readTextFile(`${at.path}/node.crt`), certificate);
});

Deno.test({
  name: "everything in a directory is for its owner alone",
  ignore: ON_WINDOWS,
  fn: async () => {
    using at = place("data");
    using _data = await DataDirectory.open(at.path);
    assertEquals(mode(at.path), "700");
    for (const name of names(at.path)) {
      assertEquals(mode(`${at.path}/${name}`), "600", name);
    }
  },
});

Deno.test({
  name: "rights that others got to a node's directory and key are taken back",
  ignore: ON_WINDOWS,
  fn: async () => {
    using at = place("data");
    await visit(at.path);
    Deno.chmodSync(at.path, 0o755);
    Deno.chmodSync(`${at.path}/node.key`, 0o644);
    await visit(at.path);
    assertEquals([mode(at.path), mode(`${at.path}/node.key`)], ["700", "600"]);
  },
});

Deno.test({
  name:
    "a file is written anew: a link or an open file left in its place is not followed",
  ignore: ON_WINDOWS,
  fn: () => {
    using at = place("data");
    Deno.mkdirSync(at.path);
    const [path, fresh] = [`${at.path}/it`, `${at.path}/it.new`];
    const elsewhere = `${at.path}/elsewhere`;
    Deno.writeTextFileSync(elsewhere, "precious");
    Deno.symlinkSync(elsewhere, fresh);
    writeWhole(path, "secret");
    assertEquals(Deno.readTextFileSync(elsewhere), "precious");
    assertEquals(Deno.lstatSync(path).isSymlink, false);

    Deno.writeTextFileSync(fresh, "left by a crash", { mode: 0o644 });
    using reader = Deno.openSync(fresh);
    writeWhole(path, "another");
    assertEquals([Deno.readTextFileSync(path), mode(path)], ["another", "600"]);
    const seen = new Uint8Array(32);
    const count = reader.readSync(seen) ?? 0;
    assertEquals(
      new TextDecoder().decode(seen.subarray(0, count)),
      "left by a crash",
    );
    assertEquals(names(at.path), ["elsewhere", "it"]);
  },
});

Deno.test({
  name:
    "a directory that holds other things and was never a node's is left alone, whatever its rights",
  ignore: ON_WINDOWS,
  fn: async () => {
    for (const rights of ["755", "700"]) {
      using at = place("data");
      Deno.mkdirSync(at.path);
      Deno.chmodSync(at.path, Number.parseInt(rights, 8));
      Deno.writeTextFileSync(`${at.path}/diary.txt`, "");
      const { message } = await refuses(`${at.path}/`, "bad-data", [
        `must be a directory of its own, such as ${at.path}/verack`,
      ]);
      assert(!message.includes("chmod"), message);
      assertEquals(mode(at.path), rights);
      assertEquals(names(at.path), ["diary.txt"]);
    }
  },
});

Deno.test("an empty volume with its lost+found is as good as an empty directory", async () => {
  using at = place("data");
  Deno.mkdirSync(`${at.path}/lost+found`, { recursive: true });
  assertEquals(await visit(at.path), await visit(at.path));
});

Deno.test({
  name: "a directory of another user is refused (needs root to make one)",
  ignore: ON_WINDOWS || Deno.uid() !== 0,
  fn: async () => {
    using at = place("data");
    Deno.mkdirSync(at.path, { mode: 0o700 });
    Deno.chownSync(at.path, 12_345, 12_345);
    await refuses(at.path, "bad-data", ["belongs to another user (12345)"]);
    assertEquals(names(at.path), []);
  },
});

Deno.test("a directory in use is refused, and free again when it is closed", async () => {
  using at = place("data");
  const first = await DataDirectory.open(at.path);
  for (const open of [() => visit(at.path), () => openStore(at.path)]) {
    const words = [`process ${Deno.pid} uses it`, at.path];
    await assertFails(open, "data-in-use", ...words);
  }
  first.close();
  first.close();
  assertEquals(await visit(at.path), first.identity.id);
});

Deno.test("a file in the place of a directory is refused", async () => {
  using at = place("data");
  Deno.writeTextFileSync(at.path, "");
  await refuses(at.path, "bad-data", ["it is no directory"]);
});

Deno.test("looking into a directory that no node has used makes nothing", () => {
  using at = place("data");
  assertThrows(() => openStore(at.path), VerackError, "no such directory");
  Deno.mkdirSync(at.path);
  assertThrows(() => openStore(at.path), VerackError, "no node has used it");
  assertEquals(names(at.path), []);
});

// --- Keys ---------------------------------------------------------------------

Deno.test("a damaged key is never replaced", async (t) => {
  const damages: Record<string, (key: string) => void> = {
    "empty": (key) => Deno.truncateSync(key),
    "cut": (key) => Deno.truncateSync(key, 60),
    "garbage": (key) => Deno.writeFileSync(key, new Uint8Array(200).fill(0xa5)),
  };
  for (const [name, damage] of Object.entries(damages)) {
    await t.step(name, async () => {
      using at = place("data");
      await visit(at.path);
      const key = `${at.path}/node.key`;
      damage(key);
      const before = Deno.readFileSync(key);
      await refuses(at.path, "bad-key", [key, "a key is never replaced"]);
      assertEquals(Deno.readFileSync(key), before);
      // The directory is not locked any more.
      await refuses(at.path, "bad-key", []);
    });
  }
});

Deno.test("a key that is gone is missed, whatever else is left", async () => {
  using at = place("data");
  const id = await visit(at.path);
  Deno.removeSync(`${at.path}/node.key`);
  await refuses(at.path, "bad-key", ["node.key is missing", id]);
  Deno.removeSync(`${at.path}/node.db`);
  await refuses(at.path, "bad-key", ["node.key is missing"]);
  Deno.removeSync(`${at.path}/node.crt`);
  assert(await visit(at.path) !== id);
});

Deno.test("a certificate that is damaged, missing or another's is made anew from the key", async () => {
  using at = place("data");
  const id = await visit(at.path);
  const path = `${at.path}/node.crt`;
  const other = await Identity.generate();
  for (
    const damage of [
      () => Deno.removeSync(path),
      () => Deno.writeTextFileSync(path, "hello"),
      () => Deno.writeTextFileSync(path, other.certificatePem),
    ]
  ) {
    damage();
    assertEquals(await visit(at.path), id);
    const { certificatePem } = await Identity.fromPem(
      Deno.readTextFileSync(`${at.path}/node.key`),
      { certificatePem: Deno.readTextFileSync(path) },
    );
    assertEquals(Deno.readTextFileSync(path), certificatePem);
  }
});

Deno.test("a directory takes a key that is kept elsewhere, and from then on no other", async () => {
  using at = place("data");
  const identity = await Identity.generate({ ephemeral: false });
  const other = await Identity.generate({ ephemeral: false });
  assertEquals(await visit(at.path, { identity }), identity.id);
  assertEquals(names(at.path), ["node.db", "node.lock"]);
  await refuses(at.path, "mismatched-key", [identity.id, other.id], {
    identity: other,
  });
  await refuses(at.path, "bad-key", ["be given as the identity"]);
  assertEquals(await visit(at.path, { identity }), identity.id);
});

Deno.test("a key that is given must be the one in the directory", async () => {
  using at = place("data");
  const id = await visit(at.path);
  const identity = await Identity.generate({ ephemeral: false });
  await refuses(at.path, "mismatched-key", [], { identity });
  // Not even when the database is gone, and with it the owner's identity.
  Deno.removeSync(`${at.path}/node.db`);
  await refuses(at.path, "mismatched-key", [], { identity });
  assertEquals(await visit(at.path), id);
  await assertRejects(
    async () => await visit(at.path, { identity: await Identity.generate() }),
    TypeError,
    "lives in memory only",
  );
});

Deno.test("what a crash left of a file that was being written is overwritten", async () => {
  using at = place("data");
  Deno.mkdirSync(at.path, { mode: 0o700 });
  Deno.writeTextFileSync(`${at.path}/node.key.new`, "-----BEGIN PRIV");
  const id = await visit(at.path);
  Deno.removeSync(`${at.path}/node.crt`);
  assertEquals(await visit(at.path), id);
  assertEquals(names(at.path), [
    "node.crt",
    "node.db",
    "node.key",
    "node.lock",
  ]);
});

// --- The database --------------------------------------------------------------

Deno.test("a damaged database is renamed whole, and the node begins anew with the same key", async () => {
  using at = place("data");
  const id = await visit(at.path);
  {
    using opened = openStore(at.path);
    opened.store.putPeer(samplePeer(1));
  }
  const garbage = new Uint8Array(10_000).fill(0xa5);
  for (let time = 1; time <= 2; time++) {
    Deno.writeFileSync(`${at.path}/node.db`, garbage);
    Deno.writeFileSync(`${at.path}/node.db-wal`, garbage);
    using data = await DataDirectory.open(at.path);
    assertEquals(data.identity.id, id);
    assertEquals(data.store.peers(), []);
    data.store.putPeer(samplePeer(2));
  }
  const aside = names(at.path).filter((name) => name.includes("damaged"));
  assertEquals(aside.length, 4);
  for (const name of aside) {
    assertMatch(
      name,
      /^node\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z(-2)?(-wal)?$/,
    );
    assertEquals(Deno.readFileSync(`${at.path}/${name}`), garbage);
  }
});

/** Starts a node on a directory and stops it; whether its mesh was closed and had a secret. */
async function protectionOf(path: string, options?: NodeOptions) {
  using data = await DataDirectory.open(path);
  const { identity, store } = data;
  await using node = await Node.start({ identity, store, ...options });
  const { admission, secret } = node.status();
  return { admission, secret };
}

Deno.test("a closed mesh with a secret stays so when its database is damaged, deleted or older, until a start opens it", async () => {
  using at = place("data");
  const copy = `${at.path}/node.protection`;
  const NONE = { admission: "open", secret: false };
  const BOTH = { admission: "closed", secret: true };
  assertEquals(await protectionOf(at.path), NONE);
  assertFalse(names(at.path).includes("node.protection"));
  Deno.copyFileSync(`${at.path}/node.db`, `${at.path}/../older`);

  const secret = "7".repeat(32);
  assertEquals(
    await protectionOf(at.path, { admission: "closed", secret }),
    BOTH,
  );
  if (!ON_WINDOWS) assertEquals(mode(copy), "600");
  assertFalse(Deno.readTextFileSync(copy).includes(secret));
  const key = Deno.readTextFileSync(copy);
  for (
    const lose of [
      () => Deno.writeTextFileSync(`${at.path}/node.db`, "garbage"),
      () => Deno.removeSync(`${at.path}/node.db`),
      () => Deno.renameSync(`${at.path}/../older`, `${at.path}/node.db`),
    ]
  ) {
    lose();
    assertEquals(await protectionOf(at.path), BOTH);
    assertEquals(Deno.readTextFileSync(copy), key);
    // The copy is made again, as for a directory of an earlier version.
    Deno.removeSync(copy);
    assertEquals(await protectionOf(at.path), BOTH);
    assertEquals(Deno.readTextFileSync(copy), key);
  }

  await protectionOf(at.path, { admission: "open", secret: null });
  Deno.removeSync(`${at.path}/node.db`);
  assertEquals(await protectionOf(at.path), NONE);
});

Deno.test("of database and copy of the protection the newer one counts", async () => {
  using at = place("data");
  const copy = `${at.path}/node.protection`;
  const older = `${at.path}/../older`;
  const [first, second] = ["1".repeat(32), "2".repeat(32)];
  const open = { admission: "open", secret: null } as const;
  const closed = { admission: "closed", secret: first } as const;
  for (
    const [before, after] of [
      [open, closed],
      [closed, open],
      [closed, { ...closed, secret: second }],
    ] as const
  ) {
    for (const file of ["node.db", "node.protection"]) {
      await protectionOf(at.path, closed);
      await protectionOf(at.path, before);
      Deno.copyFileSync(`${at.path}/${file}`, older);
      const expected = await protectionOf(at.path, after);
      const text = Deno.readTextFileSync(copy);
      Deno.renameSync(older, `${at.path}/${file}`);
      assertEquals(await protectionOf(at.path), expected);
      assertEquals(Deno.readTextFileSync(copy), text);
    }
  }
});

Deno.test("a damaged copy of the protection is made anew from the database, and refuses a start that lost it", async () => {
  using at = place("data");
  const copy = `${at.path}/node.protection`;
  await protectionOf(at.path, { admission: "closed" });
  const text = Deno.readTextFileSync(copy);
  for (
    const damage of [
      "garbage",
      "[",
      '{"protection.admission main":"x"}',
      "null",
    ]
  ) {
    Deno.writeTextFileSync(copy, damage);
    await visit(at.path);
    assertEquals(Deno.readTextFileSync(copy), text);
    Deno.writeTextFileSync(copy, damage);
    Deno.removeSync(`${at.path}/node.db`);
    await refuses(at.path, "bad-data", ["node.protection", "must be restored"]);
    await refuses(at.path, "bad-data", ["node.protection", "must be restored"]);
    Deno.writeTextFileSync(copy, text);
    await visit(at.path);
  }
});

Deno.test("a directory belongs to one network", async () => {
  using at = place("data");
  await visit(at.path, { network: "one" });
  await refuses(at.path, "bad-data", [
    'it belongs to network "one", not "main"; a directory is of one network',
  ]);
  await visit(at.path, { network: "one" });
});
