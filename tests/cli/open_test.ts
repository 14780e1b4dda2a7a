/** `verack open`, with a program in the place of the one that opens browsers. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FakeOpener } from "../helpers/fake_opener.ts";
import { PageBrowser } from "../helpers/page_browser.ts";
import { type Ended, Place } from "../helpers/place.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { type VerackOptions, verackProgram } from "../helpers/child.ts";
import { testIf } from "../helpers/test_if.ts";

const ADDRESS = /^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/;

/** The program is a script, and has the name that is used on Linux. */
const onLinux = testIf(Deno.build.os === "linux");

/** Runs `verack open` to its end. */
async function open(
  place: Place,
  options: VerackOptions,
  ...args: string[]
): Promise<Ended> {
  await using child = place.commandWith(options, "alice", "open", ...args);
  const code = await child.code();
  return { code, out: child.out, err: child.err };
}

onLinux(
  "open prints a one-time address, and opens it by a file that only its user can read",
  async () => {
    await using place = new Place();
    await using node = await place.node("alice", "--log-level=info");
    await using opener = new FakeOpener();
    const { code, out, err } = await open(place, opener);
    assertEquals([code, out.length], [0, 1], err.join("\n"));
    assertMatch(out[0] ?? "", ADDRESS);
    assertStringIncludes(err.join(), "Opened in your browser");
    const path = `${place.path}/alice/control.html`;
    assertEquals(opener.called, [`file://${path}`]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assertStringIncludes(await Deno.readTextFile(path), `0; url=${out[0]}"`);
    const browser = new PageBrowser(new URL(out[0]!).origin);
    assertEquals((await browser.visit(out[0]!)).status, 200);
    assertEquals(await browser.status("/v1/status"), 200);
    // The log says so, without a secret.
    await node.child.talk((line) => line.includes("browser signed in"));
    const log = node.child.err.join("\n");
    const secrets = [
      new URL(out[0]!).hash.slice(1),
      browser.key!,
      ...browser.cookies.values(),
    ];
    for (const secret of secrets) {
      assert(!log.includes(secret), log);
    }
  },
);

onLinux(
  "open prints the address all the same where no browser can be opened, and says why",
  async () => {
    await using place = new Place();
    await using _node = await place.node("alice");
    await using opener = new FakeOpener(3);
    const { env, permissions } = opener;
    const tries = [
      [{ env, permissions }, "xdg-open failed (exit code 3)"],
      [{ env: { ...env, DISPLAY: "" }, permissions }, "there is no screen"],
      [{ env, permissions: permissions.slice(1) }, "add --allow-run=xdg-open"],
      [
        { env: { ...env, PATH: place.path }, permissions },
        "there is no xdg-open",
      ],
    ] as const;
    for (const [options, why] of tries) {
      const { code, out, err } = await open(place, options);
      assertEquals(code, 0);
      assertMatch(out.join(), ADDRESS);
      assertStringIncludes(err.join(), why);
    }
    opener.reset();
    for (const flag of ["--print", "--json"]) {
      const { out } = await open(place, opener, flag);
      const address = flag === "--json" ? JSON.parse(out[0] ?? "").url : out[0];
      assertMatch(address, ADDRESS);
      assertEquals(opener.called, undefined, flag);
    }
  },
);

Deno.test("the file that leads to an address is gone when the node has ended", async () => {
  await using place = new Place();
  const path = `${place.path}/alice/control.html`;
  await using node = await place.node("alice");
  await Deno.writeTextFile(path, "");
  await node.end("SIGTERM");
  const files = [...Deno.readDirSync(`${place.path}/alice`)];
  assert(!files.some(({ name }) => name === "control.html"));
});

Deno.test("open --sign-out signs all browsers out, and ends addresses that were not used", async () => {
  await using place = new Place();
  await using _node = await place.node("alice");
  const ask = () => place.command("alice", "open", "--print");
  const links: string[] = [];
  for (let i = 0; i < 2; i++) {
    await using child = ask();
    assertEquals(await child.code(), 0);
    links.push(child.out[0] ?? "");
  }
  const [first = "", second = ""] = links;
  const { origin } = new URL(first);
  // The port that was opened stays.
  assertEquals(new URL(second).origin, origin);
  const browser = new PageBrowser(origin);
  assertEquals((await browser.visit(first)).status, 200);
  const out = await place.ask("alice", "open", "--sign-out");
  assertEquals(out, "signed out  1 browser");
  assertEquals(await browser.status("/v1/status"), 401);
  const late = await browser.visit(second);
  assertEquals((await late.json()).error.code, "wrong-code");
  const json = await place.ask("alice", "open", "--sign-out", "--json");
  assertEquals(JSON.parse(json), { signedOut: 0 });
  const shown = await place.ask("alice", "status");
  assertStringIncludes(shown, `page      ${origin}/`);
});

Deno.test("open fails where no node runs", async () => {
  await using place = new Place();
  const none = await place.ends("alice", "open", "--print");
  assertEquals([none.code, none.out], [1, []]);
  assertStringIncludes(none.err.join(), "no such directory");
});

Deno.test("run prints the address of its page: without a code where standard error is no terminal", async () => {
  await using place = new Place();
  await using node = place.command(
    "alice",
    "run",
    "--port=0",
    "--host=127.0.0.1",
    "--http=0",
  );
  const line = await node.talk((it) => it.includes("page at"));
  assertMatch(
    line,
    /^verack: page at http:\/\/127\.0\.0\.1:\d+\/, to sign in: verack open --data \S+\/alice$/,
  );
  assert(!node.err.some((it) => it.includes("#")), node.err.join("\n"));
});

testIf(HAS_PTY)(
  "run prints an address that signs a browser in on a terminal",
  async () => {
    await using place = new Place();
    const program = verackProgram(
      [
        "run",
        "--port=0",
        "--host=127.0.0.1",
        "--http=0",
        `--data=${place.path}/alice`,
      ],
      place.permissions,
    );
    await using terminal = new Pty(program, { NO_COLOR: "1" });
    const [, url = ""] = await terminal.shows(
      /^ {2}(http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43})\r$/m,
    );
    assertMatch(url, ADDRESS);
    const browser = new PageBrowser(new URL(url).origin);
    assertEquals((await browser.visit(url)).status, 200);
  },
);
