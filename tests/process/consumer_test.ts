// Every way in which another project uses this one: its first example is checked and run there.
import { assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/version.ts";

const ROOT = new URL("../../", import.meta.url);
const PACKAGE = "@verack/verack";
const README = await Deno.readTextFile(new URL("README.md", ROOT));
const LIBRARY = await Deno.readTextFile(new URL("docs/library.md", ROOT));
const [SNIPPET = ""] = /(?<=^```ts\n).*?(?=^```)/ms.exec(README) ?? [];

/** Examples of docs/library.md, of which one uses the log and one the test kit. */
const EXAMPLES = [
  ...(await Deno.readTextFile(new URL("docs/library.md", ROOT)))
    .matchAll(/(?<=^```ts\n).*?(?=^```)/gms),
].map(([text]) => text);

/**
 * Whether Deno has cached what another project needs, which has no lock file of ours.
 * Tests contact no registry; `.ci/run` fills the cache before.
 */
async function isCached(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  const imports = ["mod.ts", "src/control/mod.ts"].map((it) =>
    `import "${new URL(it, ROOT)}";`
  );
  try {
    await Deno.writeTextFile(`${folder}/imports.ts`, imports.join("\n"));
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--cached-only", "--no-lock", "--no-prompt"],
        ...["--node-modules-dir=none", "--allow-env", "imports.ts"],
      ],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const IGNORE = !await isCached();
if (IGNORE) {
  console.log(
    "Skipping tests of other projects: their packages are not cached",
  );
}

/** A test of another project. */
function consumerTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: IGNORE, fn });
}

/** The folder of another project, removed at the end. */
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

  /** A clone with all that is published committed, at `name`. */
  async clone(name: string): Promise<void> {
    await this.copy(name);
    await Deno.copyFile(
      new URL(".gitignore", ROOT),
      `${this.path}/${name}/.gitignore`,
    );
    const author = ["-c", "user.name=test", "-c", "user.email=test@test.test"];
    for (
      const args of [
        ["init", "--quiet"],
        ["add", "."],
        [...author, "commit", "--quiet", "--message=all"],
      ]
    ) await this.run("git", args, name);
  }

  /** Runs a program; what it printed. */
  async runProgram(
    program: string,
    options: { readonly where?: string; readonly flags?: string[] } = {},
  ): Promise<string> {
    const { where = "", flags = [] } = options;
    await this.write(`${where}/main.ts`, program);
    return await this.deno([
      ...["run", "--quiet", "--no-prompt", "--cached-only"],
      ...["--allow-net", "--allow-env", "--allow-read", ...flags, "main.ts"],
    ], where);
  }

  /** Runs the first example of the README, which imports the library as `specifier`. */
  async useLibrary(
    specifier: string,
    options: { readonly where?: string; readonly flags?: string[] } = {},
  ): Promise<void> {
    const program = SNIPPET.replace("./mod.ts", specifier);
    const printed = await this.runProgram(program, options);
    assertMatch(printed, /^[0-9a-f]{64}: hello\n$/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

consumerTest(
  "another project imports the library by its path, without an import map",
  async () => {
    await using project = new Project();
    await project.useLibrary(new URL("mod.ts", ROOT).href);
  },
);

consumerTest('another project uses the library by "links"', async () => {
  await using project = new Project();
  await project.copy("verack");
  await project.write("app/deno.json", {
    links: ["../verack"],
    imports: { [PACKAGE]: `jsr:${PACKAGE}@^${VERSION}` },
  });
  await project.useLibrary(PACKAGE, { where: "app", flags: ["--check"] });
});

/** An example of docs/library.md as another project writes it. */
function example(contains: string): string {
  const text = EXAMPLES.find((it) => it.includes(contains)) ?? "";
  return text.replaceAll("../mod.ts", PACKAGE)
    .replaceAll("../src/testing/mod.ts", `${PACKAGE}/testing`);
}

consumerTest(
  "another project gets the log by LogTape, and uses the sub-paths",
  async () => {
    await using project = new Project();
    await project.copy("verack");
    const { imports } = JSON.parse(
      await Deno.readTextFile(new URL("deno.json", ROOT)),
    );
    await project.write("app/deno.json", {
      links: ["../verack"],
      imports: {
        [PACKAGE]: `jsr:${PACKAGE}@^${VERSION}`,
        "@logtape/logtape": imports["@logtape/logtape"],
      },
    });
    const where = "app";
    const log = await project.runProgram(example("getConsoleSink"), { where });
    assertMatch(log, /INF verack·mesh.* peer up peer="[0-9a-f]{64}" address="/);
    const tools = `
    import { NETWORKS } from "${PACKAGE}/bitcoin";
    import { encodePing } from "${PACKAGE}/wire";
    ${example("MemoryNetwork")}
    console.log(Object.keys(NETWORKS).length > 3, encodePing({ nonce: 1n }).length);
  `;
    assertEquals(await project.runProgram(tools, { where }), "true 8\n");
  },
);

consumerTest(
  "another project uses the library as a member of its workspace",
  async () => {
    await using project = new Project();
    await project.copy("verack");
    await project.write("deno.json", { workspace: ["./app", "./verack"] });
    await project.write("app/deno.json", {});
    await project.useLibrary(PACKAGE, { where: "app" });
    await project.write(
      "app/control.ts",
      `import { ControlClient, VerackError } from "${PACKAGE}/control";
     try {
       using client = await ControlClient.find(".");
       const { mesh } = await client.status();
       const sessions: number = mesh.sessions;
       console.log(sessions);
     } catch (error) {
       if (error instanceof VerackError) console.log(error.code);
     }`,
    );
    const printed = await project.deno([
      ...["run", "--quiet", "--no-prompt", "--cached-only", "--check"],
      ...["--allow-read", "control.ts"],
    ], "app");
    assertEquals(printed, "connection-refused\n");
  },
);

consumerTest(
  "another project uses the npm tarball of deno pack, with its types",
  async () => {
    await using project = new Project();
    await project.clone("verack");
    const [, command = ""] = /`deno (pack [^`]*)` in the clone/.exec(LIBRARY) ??
      [];
    // Again as after an update: the tarball of before is no uncommitted change.
    for (let time = 1; time <= 2; time++) {
      await project.deno(command.split(" "), "verack");
    }
    const tarball = `${project.path}/verack/verack.tgz`;
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
    // The example is right, this is wrong, and both are checked.
    const check = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", ...flags, "main.ts", "wrong.ts"],
      cwd: project.path,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(check.stderr);
    assertMatch(said, /typeof Node/);
    assertEquals(said.match(/TS\d+ \[ERROR\]/g)?.length, 1, said);
  },
);

Deno.test("deno install makes the command verack from a clone", async () => {
  await using project = new Project();
  await project.copy("verack");
  await project.deno([
    ...["install", "--global", "--quiet", "--no-prompt", "--root", "."],
    ...[
      "--unstable-lazy-dynamic-imports",
      "--allow-env",
      "--name",
      "verack",
      "./verack/src/cli/main.ts",
    ],
  ]);
  const printed = await project.run(`${project.path}/bin/verack`, [
    "--version",
  ]);
  assertMatch(printed, new RegExp(`\\b${VERSION.replaceAll(".", "\\.")}\\b`));
});
