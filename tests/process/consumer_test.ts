// Every way in which another project uses this one: its first example is checked and run there.
import { assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/version.ts";

const ROOT = new URL("../../", import.meta.url);
const PACKAGE = "@verack/verack";
const [SNIPPET = ""] = /(?<=^```ts\n).*?(?=^```)/ms.exec(
  await Deno.readTextFile(new URL("README.md", ROOT)),
) ?? [];

/** A folder for a project of somebody else, gone at the end. */
class Project implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "verack-consumer-" });

  async write(name: string, content: string | object): Promise<void> {
    const text = typeof content === "string"
      ? content
      : JSON.stringify(content, undefined, 2);
    const path = `${this.path}/${name}`;
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, text);
  }

  /** Runs a program there; what it printed on standard output. */
  async run(program: string, args: string[], where = ""): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: `${this.path}/${where}`,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    return text.decode(stdout);
  }

  deno(args: string[], where?: string): Promise<string> {
    return this.run(Deno.execPath(), args, where);
  }

  /** What is published, at `name`. */
  async copy(name: string): Promise<void> {
    const { publish } = JSON.parse(
      await Deno.readTextFile(new URL("deno.json", ROOT)),
    );
    await Deno.mkdir(`${this.path}/${name}`, { recursive: true });
    const from = publish.include.map((it: string) =>
      new URL(it, ROOT).pathname
    );
    await this.run("cp", ["-r", ...from, `${this.path}/${name}`]);
  }

  /** Checks and runs the first example of the README, which imports the library as `specifier`. */
  async useLibrary(
    specifier: string,
    options: { readonly where?: string; readonly flags?: string[] } = {},
  ): Promise<void> {
    const { where = "", flags = [] } = options;
    const program = SNIPPET.replace("./mod.ts", specifier);
    await this.write(`${where}/main.ts`, program);
    const printed = await this.deno([
      ...["run", "--quiet", "--no-prompt", "--cached-only", "--check"],
      ...["--allow-net", "--allow-env", "--allow-read", ...flags, "main.ts"],
    ], where);
    assertMatch(printed, /^bob is up at .*\n[0-9a-f]{64}: hello\n$/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("another project imports the library by its path, without an import map", async () => {
  await using project = new Project();
  await project.useLibrary(new URL("mod.ts", ROOT).href);
});

Deno.test('another project uses the library by "links"', async () => {
  await using project = new Project();
  await project.copy("verack");
  await project.write("app/deno.json", {
    links: ["../verack"],
    imports: { [PACKAGE]: `jsr:${PACKAGE}@^${VERSION}` },
  });
  await project.useLibrary(PACKAGE, { where: "app" });
});

Deno.test("another project uses the library as a member of its workspace", async () => {
  await using project = new Project();
  await project.copy("verack");
  await project.write("deno.json", { workspace: ["./app", "./verack"] });
  await project.write("app/deno.json", {});
  await project.useLibrary(PACKAGE, { where: "app" });
});

Deno.test("another project uses the npm tarball of deno pack, with its types", async () => {
  await using project = new Project();
  const tarball = `${project.path}/verack.tgz`;
  const packed = await new Deno.Command(Deno.execPath(), {
    args: ["pack", "--quiet", "--allow-dirty", "--output", tarball],
    cwd: ROOT,
    stdin: "null",
  }).output();
  assertEquals(packed.code, 0, new TextDecoder().decode(packed.stderr));
  const folder = `node_modules/${PACKAGE}`;
  await project.write(`${folder}/LICENSE`, "");
  await project.run("tar", [
    ...["xzf", tarball, "--strip-components=1", "-C", folder],
  ]);
  const { dependencies } = JSON.parse(
    await Deno.readTextFile(`${project.path}/${folder}/package.json`),
  );
  // As npm would, but from what this machine has already.
  await Deno.rename(`${project.path}/node_modules`, `${project.path}/kept`);
  await project.write("package.json", { type: "module", dependencies });
  await project.deno(["install", "--quiet", "--cached-only"]);
  await Deno.rename(
    `${project.path}/kept/@verack`,
    `${project.path}/node_modules/@verack`,
  );
  const flags = ["--node-modules-dir=manual"];
  await project.useLibrary(PACKAGE, { flags });
  await project.write(
    "wrong.ts",
    `import { Node } from "${PACKAGE}";\nconst wrong: number = Node;\n`,
  );
  const check = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...flags, "wrong.ts"],
    cwd: project.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assertMatch(new TextDecoder().decode(check.stderr), /typeof Node/);
});

Deno.test("deno install makes the command verack from a clone", async () => {
  await using project = new Project();
  await project.copy("verack");
  await project.deno([
    ...["install", "--global", "--quiet", "--no-prompt", "--root", "."],
    ...["--allow-env", "--name", "verack", "./verack/mod.ts"],
  ]);
  const printed = await project.run(`${project.path}/bin/verack`, [
    "--version",
  ]);
  assertMatch(printed, new RegExp(`\\b${VERSION.replaceAll(".", "\\.")}\\b`));
});
