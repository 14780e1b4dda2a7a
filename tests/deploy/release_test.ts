// `deno task release`: its archives, its SBOM, and what it says where a base binary is missing.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
// What validates the SBOM, by the schema that the library has; it finds these by itself.
import "npm:ajv@8.20.0";
import "npm:ajv-formats@3.0.1";
import "npm:ajv-formats-draft2019@1.6.1";
import { Spec, Validation } from "npm:@cyclonedx/cyclonedx-library@10.3.0";
import { unzipSync } from "npm:fflate@0.8.3";
import config from "../../deno.json" with { type: "json" };
import lock from "../../deno.lock" with { type: "text" };
import { pack } from "../../deploy/release/archive.ts";
import {
  importedPackages,
  type LockFile,
  lockOf,
} from "../../deploy/release/runtime_packages.ts";
import { releaseName, TARGETS } from "../../deploy/release/targets.ts";
import { testIf } from "../helpers/test_if.ts";

const LOCK: LockFile = JSON.parse(lock);
const ROOT = new URL("../../", import.meta.url);
const NAME = `verack-${config.version}`;

/** Runs the task with a folder of its own in the place of `dist/release`. */
async function release(
  env: Readonly<Record<string, string>>,
  use: (run: {
    readonly code: number;
    readonly out: string[];
    readonly err: string;
    readonly folder: string;
  }) => Promise<void>,
  ...args: string[]
): Promise<void> {
  const folder = `dist/test-${crypto.randomUUID()}`;
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "release", "--out", folder, ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", SOURCE_DATE_EPOCH: "1796000000", ...env },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    await use({
      code,
      out: text.decode(stdout).trim().split("\n").filter((it) => it !== ""),
      err: text.decode(stderr),
      folder: new URL(folder, ROOT).pathname,
    });
  } finally {
    await Deno.remove(new URL(folder, ROOT), { recursive: true });
  }
}

/** What `SHA256SUMS` lists, each of which must have its sum. */
async function checkedSums(folder: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${folder}/SHA256SUMS`);
  const names: string[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const [sum, name = ""] = line.split("  ");
    const bytes = await Deno.readFile(`${folder}/${name}`);
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    assertEquals(new Uint8Array(hash).toHex(), sum);
    names.push(name);
  }
  return names;
}

Deno.test("a target whose base binary is out of reach is named with the reason, and with none built the task fails", async () => {
  // Nothing listens there; a base binary that was downloaded before is used all the same.
  const unreachable = { HTTPS_PROXY: "http://127.0.0.1:9" };
  // Two of the five, to be quicker.
  const targets = [TARGETS[0], TARGETS[4]];
  const args = targets.flatMap((it) => ["--target", it]);
  await release(unreachable, async ({ code, out, err, folder }) => {
    const built = targets.filter((it) => out.some((line) => line.includes(it)));
    for (const target of targets) {
      if (built.includes(target)) continue;
      assertMatch(
        err,
        new RegExp(`^missing  ${target}  .*denort-${target}`, "m"),
      );
    }
    assertMatch(err, new RegExp(`^${built.length} of 2 targets built`, "m"));
    assertEquals(code, built.length > 0 ? 0 : 1);
    assertEquals((await checkedSums(folder)).length, built.length + 1);
  }, ...args);
});

// Deno embeds the program in any ELF file; this one does not run it, but is packed as well.
testIf(Deno.build.os === "linux" && Deno.build.arch === "x86_64")(
  "a target that can be built is an archive, with checksums, and the others are left out",
  async () => {
    const base = { DENORT_BIN: "/bin/true" };
    const args = ["--target", "x86_64-unknown-linux-gnu"];
    await release(base, async ({ code, out, folder }) => {
      assertEquals(code, 0);
      assertEquals(out.length, 1);
      const archive = `${NAME}-x86_64-unknown-linux-gnu.tar.gz`;
      assertEquals(await checkedSums(folder), [archive, `${NAME}.cdx.json`]);
      const { stdout } = await new Deno.Command("tar", {
        args: ["--list", "--verbose", "--file", `${folder}/${archive}`],
      }).output();
      const listed = new TextDecoder().decode(stdout).trim().split("\n")
        .map((line) => line.replace(/^(\S+) .* (\S+)$/, "$1 $2"));
      const inside = (mode: string, name: string) =>
        `${mode} ${NAME}-x86_64-unknown-linux-gnu/${name}`;
      assertEquals(listed, [
        inside("-rw-r--r--", "CHANGELOG.md"),
        inside("-rw-r--r--", "LICENSE"),
        inside("-rw-r--r--", "README.md"),
        inside("-rwxr-xr-x", "verack"),
        inside("-rw-r--r--", "verack.service"),
        inside("-rw-r--r--", "verack@.service"),
      ]);
    }, ...args);
  },
);

for (
  const [what, args, expected] of [
    ["an unknown target", ["--target", "pdp11"], ["pdp11", ...TARGETS]],
    ["a folder out of dist", ["--out", "/nowhere/else"], [
      "/nowhere/else",
      "must be a folder in dist",
    ]],
  ] as const
) {
  Deno.test(`${what} is refused with what is possible`, async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "release", ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 2, said);
    for (const text of expected) assert(said.includes(text), said);
  });
}

Deno.test("archives of the same files are the same bytes, whatever the time and the zone", async () => {
  const path = new URL("LICENSE", ROOT).pathname;
  const contents = [
    { path, name: "verack", executable: true },
    { path, name: "LICENSE", executable: false },
  ];
  const options = { root: "it", contents, date: new Date(1_796_000_000_000) };
  for (const form of ["tar.gz", "zip"] as const) {
    const first = await pack(form, options);
    const second = await pack(form, {
      ...options,
      contents: contents.toReversed(),
    });
    assertEquals(second, first, form);
  }
  const files = unzipSync(await pack("zip", options));
  assertEquals(Object.keys(files), ["it/LICENSE", "it/verack"]);
  assertEquals(files["it/LICENSE"], await Deno.readFile(path));
});

Deno.test("names of archives have version and target", () => {
  assertEquals(TARGETS.map((it) => releaseName("1.2.3", it)), [
    "verack-1.2.3-x86_64-unknown-linux-gnu",
    "verack-1.2.3-aarch64-unknown-linux-gnu",
    "verack-1.2.3-x86_64-apple-darwin",
    "verack-1.2.3-aarch64-apple-darwin",
    "verack-1.2.3-x86_64-pc-windows-msvc",
  ]);
});

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly content: string }[];
  readonly licenses?: readonly unknown[];
}

Deno.test("the SBOM is valid CycloneDX 1.6, and has the program's packages with the hashes of deno.lock", async () => {
  await release(
    { DENORT_BIN: "/none" },
    async ({ folder }) => {
      const text = await Deno.readTextFile(`${folder}/${NAME}.cdx.json`);
      const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
      assertEquals(await validator.validate(text), null);
      const wrong = text.replace('"type": "library"', '"type": "package"');
      assert(await validator.validate(wrong) !== null);

      const components: Component[] = JSON.parse(text).components;
      const packages = components.filter(({ purl }) =>
        purl.startsWith("pkg:npm")
      );
      const names = packages.map(({ group, name }) =>
        group === undefined ? name : `${group}/${name}`
      );
      for (const name of ["hono", "valibot", "@peculiar/x509", "asn1js"]) {
        assert(names.includes(name), name);
      }
      for (const name of ["fast-check", "yaml", "playwright-core", "fflate"]) {
        assert(!names.includes(name), name);
      }
      for (const { group, name, version, hashes, licenses } of packages) {
        const full = group === undefined ? name : `${group}/${name}`;
        const key = Object.keys(LOCK.npm).find((it) =>
          it.split("_")[0] === `${full}@${version}`
        );
        const [hash] = hashes ?? [];
        assertEquals(
          `sha512-${Uint8Array.fromHex(hash?.content ?? "").toBase64()}`,
          LOCK.npm[key ?? ""]?.integrity,
        );
        assertEquals(licenses?.length, 1, full);
      }
      const deno = components.find(({ name }) => name === "deno");
      assertEquals(deno?.version, Deno.version.deno);
    },
    "--target",
    "x86_64-unknown-linux-gnu",
  );
});

Deno.test("the packages of the program are what its source imports, and what these need", () => {
  const small: LockFile = {
    version: "5",
    specifiers: { "npm:a@1.0.0": "1.0.0", "npm:test@1.0.0": "1.0.0" },
    npm: {
      "a@1.0.0": { integrity: "sha512-a", dependencies: ["b", "c@2.0.0"] },
      "b@1.0.0": { integrity: "sha512-b" },
      "c@1.0.0": { integrity: "sha512-c" },
      "c@2.0.0": { integrity: "sha512-C", dependencies: ["a"] },
      "test@1.0.0": { integrity: "sha512-t", dependencies: ["c@1.0.0"] },
    },
  };
  const imported = importedPackages(['import { x } from "npm:a@1.0.0/x";']);
  const { specifiers, npm } = lockOf(small, imported);
  assertEquals(Object.keys(specifiers), ["npm:a@1.0.0"]);
  assertEquals(Object.keys(npm), ["a@1.0.0", "b@1.0.0", "c@2.0.0"]);
  assertThrows(() => lockOf(small, ["d@1.0.0"]), Error, "lacks npm:d@1.0.0");
});
