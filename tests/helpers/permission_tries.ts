/**
 * What is run for each entry of the table in docs/permissions.md, and the files
 * that its placeholders stand for; `process/permissions_test.ts` runs it.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeIdentity } from "../../src/identity/key_files.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { Child, type ChildOptions } from "./child.ts";
import { until } from "./until.ts";

const MOD = new URL("../../src/cli/main.ts", import.meta.url).href;
const LOOPBACK = "--allow-net=127.0.0.1";

/** Of a host that is not there. */
const INVITE = `${"ab".repeat(32)}@127.0.0.1:9#${"a".repeat(32)}`;

/** Flags of a node that only this machine can reach. */
export const LOCAL_NODE: readonly string[] = [
  "--host=127.0.0.1",
  "--port=0",
  "--period=0",
];

/** Files and values that the placeholders of the table stand for. */
export interface World extends AsyncDisposable {
  readonly directory: string;
  readonly key: string;
  readonly cert: string;
  readonly encryptedKey: string;
  readonly passphrase: string;
  readonly secret: string;
  readonly invite: string;
  readonly addresses: string;
  readonly program: string;
  readonly received: string;
  readonly tlsKey: string;
  readonly tlsCert: string;
  readonly member: Node;
}

/** What is run for one entry of the table. */
export interface Try {
  readonly args: readonly string[];
  /** What the placeholders of the permission mean here. */
  readonly values?: Readonly<Record<string, string>>;
  /** Granted besides, because the command line has other flags, too. */
  readonly besides?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What it ends with if it does not run on. @default {0} */
  readonly code?: number;
  /** It runs on, and is checked and ended; else it ends by itself. */
  readonly runs?: (child: Child) => Promise<unknown>;
  /** What is said without the permission; left out where it is optional. */
  readonly missing?: string;
}

/** Makes the files, and starts a node to connect to. */
export async function makeWorld(): Promise<World> {
  const directory = await Deno.makeTempDir({ prefix: "verack-permissions-" });
  const at = (name: string) => `${directory}/${name}`;
  const plain = await Identity.generate();
  const files = writeIdentity(plain, at("plain"));
  const write = async (name: string, text: string, mode = 0o600) => {
    await Deno.writeTextFile(at(name), text, { mode });
    return at(name);
  };
  const tls = new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"],
      ...["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"],
      ...["-keyout", at("tls.key"), "-out", at("tls.crt")],
    ],
    stderr: "null",
  });
  const encrypt = new Deno.Command("openssl", {
    args: [
      ...["pkcs8", "-topk8", "-in", files.keyPath, "-out", at("locked.key")],
      ...["-passout", "pass:open sesame"],
    ],
    stderr: "null",
  });
  assert((await tls.output()).success && (await encrypt.output()).success);
  await Deno.chmod(at("locked.key"), 0o600);
  const member = await Node.start();
  const taking = takeAll(member);
  return {
    directory,
    key: files.keyPath,
    cert: files.certPath,
    encryptedKey: at("locked.key"),
    passphrase: await write("passphrase", "open sesame\n"),
    secret: await write("secret", "a secret of sufficient length\n"),
    invite: await write("invite", `${INVITE}\n`),
    addresses: await write("addresses", ""),
    program: await write("job", `#!/bin/sh\ncat > ${at("received")}\n`, 0o700),
    received: at("received"),
    tlsKey: at("tls.key"),
    tlsCert: at("tls.crt"),
    member,
    async [Symbol.asyncDispose]() {
      await member.close();
      await taking;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function takeAll(node: Node): Promise<void> {
  for await (const message of node.messages()) message.ack();
}

/** Says how each entry in the first column of the table is tried. */
export function tries(world: World): Readonly<Record<string, Try>> {
  const listens = (child: Child) =>
    child.line((line) => line.includes("listen on"));
  const node = (args: readonly string[], rest: Partial<Try> = {}): Try => ({
    args: [...LOCAL_NODE, ...args],
    besides: [LOOPBACK],
    runs: listens,
    ...rest,
  });
  const file = (
    FILE: string,
    args: readonly string[],
    besides: readonly string[] = [],
  ) =>
    node(args, {
      values: { FILE },
      besides: [LOOPBACK, ...besides.map((path) => `--allow-read=${path}`)],
      missing: `--allow-read=${FILE}`,
    });
  const at = (name: string) => `${world.directory}/${name}`;
  const uses = (name: string) => [
    `--allow-read=${at(name)}`,
    `--allow-write=${at(name)}`,
  ];
  const keeps = (name: string) => async (child: Child) => {
    await listens(child);
    assert((await Deno.stat(at(`${name}/node.key`))).isFile);
  };
  const { member } = world;
  const port = freePort();
  const http = (token: string) => [
    ...[LOOPBACK, `--allow-read=${token}`, `--allow-write=${token}`],
  ];
  const withHttp = (token: string) => [
    ...["--http=0", `--http-token-file=${token}`],
    ...[`--http-cert=${world.tlsCert}`, `--http-key=${world.tlsKey}`],
  ];
  return {
    run: {
      args: ["--port=0"],
      runs: listens,
      missing: "--allow-net=127.0.0.1",
    },
    chat: {
      args: [
        ...["chat", "--host=127.0.0.1", "--port=0"],
        `--connect=${member.address}`,
      ],
      stdin: "hello\n",
      missing: "--allow-net=127.0.0.1",
    },
    handshake: {
      args: ["handshake", "127.0.0.1:9"],
      code: 1, // Nothing listens there, which it is permitted to find out.
    },
    respond: {
      args: ["respond", "--network=regtest", "--port=0"],
      runs: (child) => child.line((line) => line.includes("regtest")),
      missing: "--allow-net=",
    },
    crawl: {
      args: [
        "crawl",
        "--network=regtest",
        "--max=1",
        "--allow-private",
        "127.0.0.1:9",
      ],
      code: 1,
    },
    "--port PORT --connect HOST:PORT": {
      args: [`--port=${port}`, `--connect=${member.address}`],
      // In the table both are called PORT.
      values: {
        "HOST:PORT": member.address,
        PORT: `${port}`,
      },
      runs: (child) => child.line((line) => line.includes(" up ")),
      missing: "--allow-net=",
    },
    "--data DIR": node([`--data=${at("data")}`], {
      values: { DIR: at("data") },
      async runs(child) {
        await listens(child);
        const status = run(
          [
            LOOPBACK,
            `--allow-read=${at("data")}`,
            `--allow-write=${at("data")}`,
          ],
          ["status", `--data=${at("data")}`],
        );
        await using asked = status;
        assertEquals(await asked.code(), 0, asked.err.join("\n"));
      },
      missing: `--allow-read=${at("data")}`,
    }),
    "status --data DIR": {
      args: ["--port=0", `--data=${at("open")}`],
      values: { DIR: at("open") },
      async runs(child) {
        await listens(child);
        const { isSocket } = await Deno.lstat(at("open/control.sock"));
        assert(isSocket);
        await using asked = run(
          [
            "--allow-net",
            `--allow-read=${at("open")}`,
            `--allow-write=${at("open")}`,
          ],
          ["status", `--data=${at("open")}`],
        );
        assertEquals(await asked.code(), 0, asked.err.join("\n"));
        await using narrow = run(
          [
            `--allow-net=unix:${at("open/control.sock")},localhost:80`,
            ...[`--allow-read=${at("open")}`, `--allow-write=${at("open")}`],
          ],
          ["status", `--data=${at("open")}`],
        );
        assertEquals(await narrow.code(), 0, narrow.err.join("\n"));
        await using without = run(
          [
            LOOPBACK,
            `--allow-read=${at("open")}`,
            `--allow-write=${at("open")}`,
          ],
          ["status", `--data=${at("open")}`],
        );
        assertEquals(await without.code(), 1);
        assertStringIncludes(
          without.err.join(),
          `add --allow-net=unix:${at("open/control.sock")},localhost:80`,
        );
      },
      missing: "--allow-",
    },
    "--key FILE": file(world.key, [`--key=${world.key}`]),
    "--cert FILE": file(
      world.cert,
      [`--key=${world.key}`, `--cert=${world.cert}`],
      [world.key],
    ),
    "--passphrase-file FILE": file(
      world.passphrase,
      [`--key=${world.encryptedKey}`, `--passphrase-file=${world.passphrase}`],
      [world.encryptedKey],
    ),
    "--secret-file FILE": file(world.secret, [`--secret-file=${world.secret}`]),
    "--join-file FILE": file(world.invite, [`--join-file=${world.invite}`]),
    "--join-env NAME": node(["--join-env=INVITE"], {
      values: { NAME: "INVITE" },
      env: { INVITE },
      missing: "--allow-env=INVITE",
    }),
    "--http-cert FILE": {
      ...node(withHttp(at("token-a"))),
      values: { FILE: world.tlsCert },
      besides: [...http(at("token-a")), `--allow-read=${world.tlsKey}`],
      missing: `--allow-read=${world.tlsCert}`,
    },
    "--http-key FILE": {
      ...node(withHttp(at("token-b"))),
      values: { FILE: world.tlsKey },
      besides: [...http(at("token-b")), `--allow-read=${world.tlsCert}`],
      missing: `--allow-read=${world.tlsKey}`,
    },
    "--http-token-file FILE": node(
      ["--http=0", `--http-token-file=${at("token-c")}`],
      { values: { FILE: at("token-c") }, missing: "--allow-" },
    ),
    "--passphrase-env NAME": node(
      [`--key=${world.encryptedKey}`, "--passphrase-env=SESAME"],
      {
        besides: [LOOPBACK, `--allow-read=${world.encryptedKey}`],
        values: { NAME: "SESAME" },
        env: { SESAME: "open sesame" },
        missing: "--allow-env=SESAME",
      },
    ),
    "--exec PROGRAM": node(
      [
        "--name=worker",
        `--exec=${world.program}`,
        `--connect=${member.address}`,
      ],
      {
        values: { PROGRAM: world.program },
        async runs() {
          const worker = () =>
            member.peers().find((it) => it.connected && it.name === "worker");
          await until("the worker is up", () => worker() !== undefined);
          await member.send(worker()!.id, "for the program");
          const text = await Deno.readTextFile(world.received);
          assertEquals(text, "for the program");
        },
        missing: `--allow-run=${world.program}`,
      },
    ),
    "--receive-dir DIR": node([`--receive-dir=${at("files")}`], {
      values: { DIR: at("files") },
      missing: "--allow-read",
    }),
    PATH: node([`--exec=${world.program}`], {
      besides: [LOOPBACK, `--allow-run=${world.program}`],
    }),
    "identity new --out DIR/NAME": {
      args: ["identity", "new", `--out=${at("new")}/alice`],
      values: { DIR: at("new") },
      missing: `--allow-write=${at("new")}`,
    },
    "identity show FILE": {
      args: ["identity", "show", world.key],
      values: { FILE: world.key },
      missing: `--allow-read=${world.key}`,
    },
    "handshake --file FILE": {
      args: ["handshake", `--file=${world.addresses}`],
      values: { FILE: world.addresses },
      missing: `--allow-read=${world.addresses}`,
    },
    "crawl --resume FILE": {
      args: [
        ...["crawl", "--network=regtest", "--max=1", "--allow-private"],
        ...[`--resume=${world.addresses}`, "127.0.0.1:9"],
      ],
      code: 1,
      values: { FILE: world.addresses },
      missing: `--allow-read=${world.addresses}`,
    },
    demo: {
      args: ["demo", "--nodes=2"],
      values: { TMP: temporary(), DENO: Deno.execPath() },
      missing: "add --allow-write=DIR with the directory for temporary files",
    },
    "--discover": node(["--discover"], {
      besides: [],
      missing: "--allow-net=0.0.0.0:5353,224.0.0.251:5353",
    }),
    "VERACK_DATA": node([], {
      besides: [LOOPBACK, ...uses("variable")],
      env: { VERACK_DATA: at("variable") },
      runs: keeps("variable"),
    }),
    "--keep": node(["--keep"], {
      besides: [LOOPBACK, ...uses("home")],
      env: { VERACK_DATA: "", XDG_DATA_HOME: at("home") },
      runs: keeps("home/verack"),
    }),
    "status --url URL --token-file FILE": {
      args: [
        ...[...LOCAL_NODE, "--http=0"],
        `--http-token-file=${at("token-d")}`,
      ],
      values: { "HOST:PORT": "127.0.0.1", FILE: at("token-d") },
      besides: [`--allow-write=${at("token-d")}`],
      async runs(child) {
        const talk = await child.talk((line) => line.includes("http://"));
        const { host, origin } = new URL(talk.split(" at ")[1] ?? "");
        await using asked = run(
          [`--allow-net=${host}`, `--allow-read=${at("token-d")}`],
          ["status", `--url=${origin}`, `--token-file=${at("token-d")}`],
        );
        assertEquals(await asked.code(), 0, asked.err.join());
      },
    },
    VERACK_LOG: node([], {
      env: { VERACK_LOG: "info" },
      runs: (child) => child.talk((line) => line.includes("started")),
    }),
    "VERACK_TLS_ENGINE=off": node(["--log-level=debug"], {
      env: { VERACK_TLS_ENGINE: "off" },
      runs: (child) => child.talk((line) => line.includes("over streams")),
    }),
    DENO_CERT: node([]),
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function temporary(): string {
  return Deno.env.get("TMPDIR") ?? "/tmp";
}

/** The command line with these permissions and no others. */
export function run(
  permissions: readonly string[],
  args: readonly string[],
  options: ChildOptions = {},
): Child {
  return new Child(Deno.execPath(), [
    ...["run", "--quiet", "--no-prompt", "--cached-only"],
    ...permissions,
    ...[MOD, ...args],
  ], options);
}
