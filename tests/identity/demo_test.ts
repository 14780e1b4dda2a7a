import { assert, assertEquals } from "@std/assert";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  DEMO_IDENTITIES,
  isDemoIdentity,
  loadIdentity,
} from "../../src/identity/key_files.ts";

const FOLDER = new URL("../../certs/", import.meta.url);
const pathOf = (name: string) =>
  Deno.build.os === "windows"
    ? new URL(name, FOLDER).pathname.slice(1)
    : new URL(name, FOLDER).pathname;

Deno.test("DEMO_IDENTITIES lists exactly the keys that are published in certs/", async () => {
  const published: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name !== "README.md") published.push(name);
  }
  assertEquals(
    published.sort(),
    DEMO_IDENTITIES.flatMap(({ name }) => [`${name}.crt`, `${name}.key`])
      .sort(),
  );
});

Deno.test("DEMO_IDENTITIES, certs/ and its README agree on every identity", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", FOLDER));
  for (const { name, id } of DEMO_IDENTITIES) {
    const identity = await loadIdentity({
      keyPath: pathOf(`${name}.key`),
      certPath: pathOf(`${name}.crt`),
    });
    assertEquals(identity.id, id);
    assertEquals(identity.keyType, "P-256");
    const published = await Deno.readTextFile(new URL(`${name}.crt`, FOLDER));
    // Passing the rules, it is presented as published, not made anew.
    assertEquals(identity.certificatePem, published);
    verifyCertificate(identity.certificate, id);
    assert(
      readme.includes(`| \`${name}.key\`, \`${name}.crt\` `) &&
        readme.includes(`\`${id}\``),
    );
    assert(isDemoIdentity(id));
  }
});

Deno.test("isDemoIdentity() is false for a key of one's own", async () => {
  assert(!isDemoIdentity((await Identity.generate()).id));
  assert(!isDemoIdentity("" as PeerId));
});
