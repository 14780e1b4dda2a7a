// Names that would be files elsewhere, if they ever became names of files.
import { assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { DataDirectory } from "../../src/store/data_directory.ts";
import { Records } from "../../src/store/records.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** What a peer may say it is called: at most 64 bytes. */
const NAMES = [
  "../../verack-was-here",
  "/etc/verack-was-here",
  "..\\..\\verack-was-here",
  "C:\\verack-was-here",
  "CON",
  "node.key",
  "node.db-wal",
  "verack\0was here",
  ".",
  "x".repeat(64),
];

/** Every file below a directory, with its rights. */
function files(path: string): string[] {
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory ? files(`${path}/${name}`) : [`${path}/${name}`]
  ).sort();
}

Deno.test("path traversal: no name of a peer, a host or a network becomes one of a file", async () => {
  const parent = await Deno.makeTempDir({ prefix: "verack-traversal-" });
  const path = `${parent}/deep/er/data`;
  try {
    const network = "../../verack-was-here";
    const identity = await Identity.generate({ ephemeral: false });
    {
      using data = await DataDirectory.open(path, { network });
      const { store } = data;
      const before = files(parent);
      await using scene = await Scene.start({
        identity: data.identity,
        store,
        network,
      });
      for (const name of NAMES) {
        using peer = await RawPeer.open(scene.victim, {
          identity,
          network,
          name,
          addresses: [{ host: "verack-was-here.example", port: 9 }],
        });
        await until(
          `the name ${JSON.stringify(name)} on record`,
          () => store.peers().some((stored) => stored.name === name),
        );
        peer.close();
        await until(
          "it gone",
          () =>
            scene.victim.sessions().every((link) => link.id !== identity.id),
        );
      }
      store.commit();
      assertEquals(files(parent), before);
    }
    using data = await DataDirectory.open(path, { network });
    const records = new Records(data.store);
    // The clean control: it was remembered, under its last name.
    assertEquals(
      records.peers().find((peer) => peer.id === identity.id)?.name,
      NAMES.at(-1),
    );
    // A name that is bound to the peer may be denied, which makes no file either.
    const bound = new Set(data.store.nameBindings().map(({ name }) => name));
    for (const text of NAMES) {
      for (const action of ["allow", "deny", "forget"] as const) {
        if (action !== "allow" && bound.has(text.toLowerCase())) continue;
        let refused = false;
        try {
          records[action](text, 1);
        } catch {
          refused = true;
        }
        assertEquals(refused, true, `${action} ${text}`);
      }
    }
    assertEquals(
      files(parent).map((file) => file.slice(path.length)),
      [
        "/node.crt",
        "/node.db",
        "/node.db-wal",
        "/node.key",
        "/node.lock",
      ],
    );
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
