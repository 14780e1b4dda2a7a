// The image: what its Dockerfile says, and what comes of its steps. Docker does not run here.
import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { Child } from "../helpers/child.ts";
import { readDeploy } from "./documents.ts";
import { parseLine } from "./flags.ts";
import {
  buildContext,
  Image,
  lastStage,
  whyNoImage,
  wordsOf,
} from "./image.ts";

const why = whyNoImage();

function linesOf(name: string): string[] {
  return lastStage().filter((it) => it.name === name).map(({ rest }) => rest);
}

Deno.test("what the build copies is there, and nothing else is sent to it", () => {
  for (const path of buildContext()) {
    Deno.statSync(new URL(`../../${path}`, import.meta.url));
  }
  const copied = linesOf("COPY").filter((it) => !it.includes("--from="))
    .flatMap((it) =>
      it.split(" ").filter((word) => !word.startsWith("--")).slice(0, -1)
    );
  assertEquals(copied.sort(), buildContext().sort());
});

Deno.test("the image runs a node as a user that is not root, and asks it for its health", () => {
  assertMatch(linesOf("USER").join(), /^[1-9]\d*:[1-9]\d*$/);
  assertEquals(wordsOf("ENTRYPOINT"), ["verack"]);
  const { name, flags } = parseLine(wordsOf("CMD"));
  assertEquals(name, "run");
  const [program, ...words] = wordsOf("HEALTHCHECK");
  assertEquals(program, "verack");
  const health = parseLine(words);
  assertEquals([health.name, health.flags.data], ["health", flags.data]);
  const [volume = ""] = wordsOf("VOLUME");
  assert(`${flags.data}`.startsWith(`${volume}/`));
  assertEquals(linesOf("EXPOSE"), ["8080 9464"]);
  assertEquals(flags.port, 8080);
  assertEquals(linesOf("STOPSIGNAL"), ["SIGTERM"]);
});

Deno.test("the program has the permissions of the compiled one, but to write and to start programs", () => {
  const permissions = (text: string) => text.match(/--allow-[^\s\\]+/g) ?? [];
  const own = permissions(readDeploy("docker/verack"));
  const all = permissions(config.tasks.compile.command);
  assertEquals(
    own.filter((it) => !/^--allow-(run|write)/.test(it)),
    all.filter((it) => !/^--allow-(run|write)/.test(it)),
  );
  assertEquals(
    own.filter((it) => it.startsWith("--allow-write")),
    ["--allow-write=/data"],
  );
});

Deno.test("the image has the version of the program and of Deno", () => {
  const text = readDeploy("Dockerfile");
  assertMatch(text, new RegExp(`^ARG VERSION=${config.version}$`, "m"));
  const ci = Deno.readTextFileSync(
    new URL("../../.ci/run", import.meta.url),
  );
  const [, deno] = /deno@([\d.]+)/.exec(ci) ?? [];
  assertMatch(text, new RegExp(`^ARG DENO_VERSION=${deno}$`, "m"));
});

Deno.test({
  name:
    `the steps of the Dockerfile make a program that runs under a read-only root without rights${
      why === undefined ? "" : ` (${why})`
    }`,
  ignore: why !== undefined,
  async fn() {
    await using image = await Image.build();
    const volume = await image.volume("volume");
    const container = (...args: string[]) => {
      const [program = "", ...words] = image.words(args, { volume });
      return new Child(program, words);
    };
    await using version = container("verack", "--version");
    assertEquals(await version.code(), 0, version.err.join("\n"));
    assertEquals(version.out, [`verack ${config.version}`]);

    await using rights = container(
      ...["sh", "-c", "id -u; grep -E 'CapBnd|NoNewPrivs' /proc/self/status"],
    );
    assertEquals(await rights.code(), 0);
    assertEquals(
      rights.out.join(" ").replaceAll("\t", ""),
      `${image.user.split(":")[0]} CapBnd:0000000000000000 NoNewPrivs:1`,
    );
    for (const path of ["/x", "/opt/verack/x", "/usr/local/bin/x", "/tmp/x"]) {
      await using write = container("touch", path);
      assert(await write.code() !== 0, path);
    }

    await using node = container(
      ...[...wordsOf("ENTRYPOINT"), ...wordsOf("CMD"), "--json"],
      ...["--host=127.0.0.1", "--port=0"],
    );
    await node.line((line) => line.includes('"listening"'));
    await using health = container(...wordsOf("HEALTHCHECK"));
    assertEquals(await health.code(), 0, health.err.join("\n"));
    // As `docker exec` is used: the image says where the data is.
    await using status = container("verack", "status");
    assertEquals(await status.code(), 0, status.err.join("\n"));
    node.kill("SIGTERM");
    assertEquals(await node.code(), 143);
    assertEquals(node.err, []);
  },
});
