/** What the command line says of flags, permissions and files that will not do. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UsageError } from "../../src/cli/flags.ts";
import { runCommand } from "../../src/cli/run.ts";
import { openOutput } from "../../src/cli/terminal.ts";
import { Child, verack } from "../helpers/child.ts";

const MOD = new URL("../../src/cli/main.ts", import.meta.url).href;

/** Of this process; nothing is printed before all flags are understood. */
const OUTPUT = openOutput();

/** Arguments of `run`, and what the line must say: the flag, the value, what is wanted. */
const BAD_FLAGS: readonly (readonly [
  args: readonly string[],
  ...says: readonly string[],
])[] = [
  [["--port=99999"], "--port", '"99999"', "from 0 to 65535"],
  [["-p", "http"], "--port", '"http"', "a whole number"],
  [["--port"], "--port has no value", "--port PORT"],
  [["--host=a b"], "--host", '"a b"', "an IP address or a DNS name"],
  [["--host=1.2.3"], "--host", '"1.2.3"', "an IP address or a DNS name"],
  [["--connect=8080"], "--connect", '"8080"', "must be host:port"],
  [["--connect=http://a:80"], "--connect", "is a URL", "must be host:port"],
  [["--connect=::1:80"], "--connect", '"::1:80"', "[address]:port"],
  [["--connect=a:0"], "--connect", '"0"', "1 to 65535"],
  [["--connect=3a1e1b52@a:1"], "--connect", '"3a1e1b52"', "64 lower-case hex"],
  [["--period=soon"], "--period", '"soon"', "a number of seconds"],
  [["--period=-1"], "--period", '"-1"', "from 0 to 86400"],
  [["--heartbeat=0"], "--heartbeat", '"0"', "from 0.01 to 86400"],
  [
    ["--dead-after=1"],
    "--dead-after is 1",
    "must be more than --heartbeat (1)",
  ],
  [["--advertise=here"], "--advertise", '"here"', "must be host:port"],
  [
    ["--advertise=0.0.0.0:80"],
    "--advertise: Cannot advertise 0.0.0.0:80",
    "must be one that others can dial",
  ],
  [["--advertise=[::]:80"], "--advertise", "Cannot advertise [::]:80"],
  [
    Array.from({ length: 5 }, (_, i) => `--advertise=a:${i + 1}`),
    "--advertise is given with 5 addresses, must be at most 4",
  ],
  [
    Array.from({ length: 17 }, (_, i) => `--host=127.0.0.${i + 1}`),
    "--host is given with 17 addresses, must be at most 16",
  ],
  [["--network=a b"], "--network", '"a b"', "1 to 64 printable ASCII"],
  [["--network="], "--network is empty", "must be NAME"],
  [["--key="], "--key is empty", "must be FILE"],
  [["--cert=a.crt"], "--cert needs --key"],
  [["--passphrase-file=a"], "--passphrase-file needs --key"],
  [["--passphrase-env=A"], "--passphrase-env needs --key"],
  [
    ["--key=k", "--passphrase-env=A", "--passphrase-file=a"],
    "--passphrase-file and --passphrase-env are both given",
  ],
  [["--exec-from=bob"], "--exec-from needs --exec"],
  [["--join-env=A", "--join-file=a"], "--join-env", "must be one of them"],
  [["--log-level=loud"], "--log-level", '"loud"', "one of off, critical"],
  [["--log-format=xml"], "--log-format", '"xml"', "auto, human, json"],
  [["--json=yes"], "--json takes no value", '"yes"'],
  [["--color=no"], "--color takes no value", '"no"'],
  [["--prot=80"], '"--prot"', "did you mean --port?"],
  [["--port=1", "--port=2"], "--port is given twice"],
  [["--name\n\x1b[2J"], "Unknown flag", "\\u{1b}"],
  [["run", "8080"], "Unexpected argument", '"8080"'],
];

Deno.test("every flag that will not do is refused in a line that names it, its value and what is wanted", async () => {
  for (const [args, ...says] of BAD_FLAGS) {
    const { message } = await assertRejects(
      () => runCommand.run(args.filter((it) => it !== "run"), OUTPUT),
      UsageError,
      undefined,
      args.join(" "),
    );
    assertEquals(message.split("\n").length, 1, message);
    for (const text of says) assertStringIncludes(message, text);
  }
});

Deno.test("a flag that will not do ends with exit code 2 and one line", async () => {
  await using child = verack(["--port=99999"]);
  assertEquals(await child.code(), 2);
  assertEquals([child.out, child.err.length], [[], 1]);
  assertMatch(child.err.join(), /^verack run: .* \(see verack run --help\)$/);
});

Deno.test("a variable that will not do is named like a flag", async () => {
  await using child = verack([], { env: { VERACK_LOG: "loud" } });
  assertEquals(await child.code(), 2);
  assertEquals(child.err, [
    'verack run: VERACK_LOG is "loud", must be one of off, critical, error, warn, info, debug (see verack run --help)',
  ]);
});

Deno.test("a missing permission ends with one line that names the flag to add", async () => {
  const cases: readonly (readonly [
    permissions: readonly string[],
    args: readonly string[],
    add: string,
  ])[] = [
    [[], ["--port=0"], "--allow-net=127.0.0.1"],
    [["--allow-net=127.0.0.1"], ["--port=0"], "--allow-net=0.0.0.0"],
    [
      ["--allow-net"],
      ["--port=0", "--key=certs/alice.key"],
      "--allow-read=certs/alice.key",
    ],
    [[], ["identity", "new", "--out=some/where"], "--allow-write=some"],
    [[], ["identity", "show", "some.key"], "--allow-read=some.key"],
  ];
  await Promise.all(cases.map(async ([permissions, args, add]) => {
    await using child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--cached-only"],
      ...permissions,
      MOD,
      ...args,
    ]);
    assertEquals(await child.code(), 1);
    assertEquals(child.out, []);
    assertEquals(child.err.length, 1, child.err.join("\n"));
    assertMatch(child.err.join(), /^verack: Cannot /);
    assert(child.err.join().endsWith(`add ${add}`), child.err.join());
  }));
});

Deno.test("an address that may not be dialed, or looked up, is said with the flag to add", async () => {
  await using child = new Child(Deno.execPath(), [
    ...["run", "--quiet", "--no-prompt", "--cached-only"],
    "--allow-net=127.0.0.1",
    MOD,
    ...["--host=127.0.0.1", "--port=0"],
    ...["--connect=127.0.0.2:9", "--connect=localhost:9"],
  ]);
  const said = await Promise.all([
    child.line((line) => line.includes("wait   127.0.0.2:9")),
    child.line((line) => line.includes("wait   localhost:9")),
  ]);
  assertStringIncludes(said[0], "add --allow-net=127.0.0.2:9");
  assertStringIncludes(said[1], "add --allow-net=localhost");
});
