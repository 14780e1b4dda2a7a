// The permissions that docs/permissions.md documents, each row in a real process exactly as
// it is written, and the tasks of deno.json on paths that are not in the project.
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runCommand } from "../../src/cli/run.ts";
import { Child } from "../helpers/child.ts";
import {
  LOCAL_NODE,
  makeWorld,
  run,
  tries,
  type Try,
} from "../helpers/permission_tries.ts";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENT = await Deno.readTextFile(
  new URL("docs/permissions.md", ROOT),
);
/** Children at once: more would only wait for each other. */
const AT_ONCE = 4;

/** Rows of the table: what is used, and the flags that are to be enough. */
function rows(): { uses: string[]; permissions: string[] }[] {
  const code = (cell = "") =>
    [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  return DOCUMENT.split("\n").filter((line) => /^\| .*`--allow-/.test(line))
    .map((line) => {
      const [, uses, permissions] = line.split("|");
      return {
        uses: code(uses),
        permissions: code(permissions).flatMap((it) => it.split(" ")),
      };
    });
}

function fill(permission: string, values: Try["values"] = {}): string {
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(name, value),
    permission,
  );
}

async function attempt(
  use: string,
  it: Try,
  permissions: readonly string[],
): Promise<void> {
  const { args, values, besides = [], code = 0, runs, missing } = it;
  const options = {
    ...(it.env && { env: it.env }),
    ...(it.stdin !== undefined && { stdin: it.stdin }),
  };
  {
    const granted = permissions.map((permission) => fill(permission, values));
    await using child = run([...besides, ...granted], args, options);
    try {
      if (runs !== undefined) await runs(child);
      else assertEquals(await child.code(), code);
    } catch (error) {
      throw new Error(`${use}: ${child.err.join("\n")}`, { cause: error });
    }
    assertFalse(child.err.join().includes("--allow-"), child.err.join("\n"));
  }
  if (missing === undefined) return;
  await using child = run(besides, args, options);
  const exitCode = await child.code();
  const said = child.err.join("\n");
  assertEquals(exitCode, 1, `${use}, not permitted: ${said}`);
  assertMatch(said, /\badd --allow-/, use);
  assertStringIncludes(said, missing, use);
}

Deno.test("every row of the table in docs/permissions.md is enough, and what is missing is named", async () => {
  await using world = await makeWorld();
  const known = tries(world);
  const queue = rows().flatMap(({ uses, permissions }) =>
    uses.map((use) => ({ use, permissions }))
  );
  assertEquals(
    queue.map(({ use }) => use).toSorted(),
    Object.keys(known).toSorted(),
  );
  const faults: unknown[] = [];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { use, permissions } = next;
      await attempt(use, known[use]!, permissions)
        .catch((error) => faults.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (faults.length > 0) throw new AggregateError(faults, "Some rows fail");
});

Deno.test("the table in docs/permissions.md has every flag of run that names a file, a program or a variable", () => {
  const documented = rows().flatMap(({ uses }) => uses);
  const flags = Object.entries(runCommand.flags)
    .filter(([, spec]) => spec.type === "path")
    .map(([key]) => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`));
  assert(flags.includes("secret-file") && flags.includes("data"));
  for (const flag of [...flags, "passphrase-env", "join-env"]) {
    assert(
      documented.some((use) => use.startsWith(`--${flag} `)),
      `--${flag} is not in the table`,
    );
  }
});

/** A task of deno.json, as a user starts it. */
function task(name: string, ...args: string[]): Child {
  return new Child(Deno.execPath(), [
    ...["task", "--quiet", "--config", new URL("deno.json", ROOT).pathname],
    ...[name, ...args],
  ]);
}

Deno.test("deno task start and deno task verack have what all flags need, on paths anywhere", async () => {
  await using world = await makeWorld();
  const flags = [
    ...LOCAL_NODE,
    ...[`--key=${world.encryptedKey}`, `--secret-file=${world.secret}`],
    ...[`--passphrase-file=${world.passphrase}`, `--exec=${world.program}`],
    ...[`--http=0`, `--http-cert=${world.tlsCert}`],
    `--http-key=${world.tlsKey}`,
  ];
  const listens = (child: Child) =>
    child.line((line) => line.includes("listen on"));
  await using started = task(
    "start",
    ...flags,
    `--data=${world.directory}/start`,
  );
  await using other = task(
    "verack",
    "run",
    ...flags,
    `--data=${world.directory}/verack`,
  );
  await Promise.all([listens(started), listens(other)]);
  await using status = task(
    "verack",
    "status",
    `--data=${world.directory}/start`,
  );
  assertEquals(await status.code(), 0, status.err.join("\n"));
  for (const directory of ["start", "verack"]) {
    await using stop = task(
      "verack",
      "stop",
      `--data=${world.directory}/${directory}`,
    );
    assertEquals(await stop.code(), 0, stop.err.join("\n"));
  }
});

Deno.test("deno task verack demo and deno task identity work", async () => {
  await using world = await makeWorld();
  await using demo = task("verack", "demo", "--nodes=2");
  assertEquals(await demo.code(), 0, demo.err.join("\n"));
  const path = `${world.directory}/keys/alice`;
  await using made = task("identity", "new", `--out=${path}`);
  assertEquals(await made.code(), 0, made.err.join("\n"));
  await using shown = task("identity", "show", `${path}.key`);
  assertEquals(await shown.code(), 0, shown.err.join("\n"));
});
