/** Commands to a node on another machine: by its URL and token, over TLS. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ListeningEvent } from "../../src/cli/event_lines.ts";
import { ControlClient } from "../../src/control/mod.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { type Child, verack, verackProgram } from "../helpers/child.ts";
import type { NodeProcess } from "../helpers/process.ts";
import { type Ended, Place } from "../helpers/place.ts";

/** A node with `--http` over TLS for `localhost`, and what its clients elsewhere have. */
class RemoteNode implements AsyncDisposable {
  readonly place: Place;
  readonly node: NodeProcess;
  readonly url: string;

  private constructor(place: Place, node: NodeProcess, url: string) {
    this.place = place;
    this.node = node;
    this.url = url;
  }

  static async start(): Promise<RemoteNode> {
    const place = new Place();
    const { certificatePem, privateKeyPem } = await makeCertificate(
      "localhost",
    );
    const other = await makeCertificate("localhost");
    const files = {
      "tls.crt": certificatePem,
      "tls.key": privateKeyPem,
      "other.crt": other.certificatePem,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${place.path}/${name}`, text, { mode: 0o600 });
    }
    const node = await place.node(
      "alice",
      "--name=alice",
      "--http=0",
      `--http-cert=${place.path}/tls.crt`,
      `--http-key=${place.path}/tls.key`,
    );
    const listening: ListeningEvent | undefined = node.of("listening")[0];
    const { port } = new URL(listening?.control ?? "");
    const url = `https://localhost:${port}`;
    return new RemoteNode(place, node, url);
  }

  get tokenFile(): string {
    return `${this.place.path}/alice/control.token`;
  }

  /** A command with the token, and with a certificate unless that is `undefined`. */
  command(
    args: readonly string[],
    ca?: string,
    env: Readonly<Record<string, string>> = {},
  ): Child {
    const trusted = ca === undefined ? [] : [`--ca=${this.place.path}/${ca}`];
    return verack(
      [
        ...args,
        `--url=${this.url}`,
        `--token-file=${this.tokenFile}`,
        ...trusted,
      ],
      { permissions: [`--allow-read=${this.place.path}`], env },
    );
  }

  async ask(
    ...given: Parameters<RemoteNode["command"]>
  ): Promise<Ended> {
    await using child = this.command(...given);
    const code = await child.code();
    return { code, out: child.out, err: child.err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.place[Symbol.asyncDispose]();
  }
}

Deno.test("commands reach a node by its URL, its token and its certificate, and stop waits for its end", async () => {
  await using remote = await RemoteNode.start();
  const status = await remote.ask(["status", "--json"], "tls.crt");
  assertEquals([status.code, status.err], [0, []]);
  assertEquals(JSON.parse(status.out[0]!).id, remote.node.id);
  const peers = await remote.ask(["peers"], "tls.crt");
  assertEquals([peers.code, peers.err], [0, ["No peers are on record."]]);

  await using tail = remote.command(["tail", "--all", "--json"], "tls.crt");
  await tail.line((line) => line.includes(`"listening"`));
  const stop = await remote.ask(["stop"], "tls.crt");
  assertEquals([stop.code, stop.out], [0, [`stopped  ${remote.node.id}`]]);
  assertEquals(await remote.node.child.code(), 0);
  assertEquals(await tail.code(), 0, tail.err.join("\n"));
});

Deno.test("a certificate that is not trusted is refused before the token is sent", async () => {
  await using remote = await RemoteNode.start();
  // What else the machine trusts does not count beside --ca.
  const DENO_CERT = `${remote.place.path}/tls.crt`;
  const cases = [[undefined], ["other.crt"], ["other.crt", { DENO_CERT }]];
  for (
    const [ca, env] of cases as [string | undefined, { DENO_CERT: string }?][]
  ) {
    const { code, err } = await remote.ask(["status"], ca, env);
    assertEquals(code, 1);
    assertStringIncludes(
      err.join("\n"),
      `Cannot reach a node at ${remote.url}: its certificate is not trusted here`,
    );
  }
});

Deno.test("paths for a node elsewhere must be whole, and a token needs a URL", async () => {
  await using remote = await RemoteNode.start();
  const { code, err } = await remote.ask(["send-file", "a.txt", "bob"]);
  assertEquals(code, 2);
  assertMatch(
    err.join(),
    /"a\.txt" is a path of the node's machine with --url/,
  );
  await using alone = remote.place.command(
    "alice",
    "status",
    "--token-file=x",
  );
  assertEquals(await alone.code(), 2);
  assertMatch(alone.err.join(), /--token-file needs --url/);
  const without = verackProgram(["status", `--url=${remote.url}`]);
  const [program = "", ...args] = without;
  const { code: refused, stderr } = await new Deno.Command(program, { args })
    .output();
  assertEquals(refused, 2);
  assertMatch(
    new TextDecoder().decode(stderr),
    /--url needs --token-file FILE/,
  );
});

Deno.test("the library connects to a URL as the commands do", async () => {
  await using remote = await RemoteNode.start();
  const token = (await Deno.readTextFile(remote.tokenFile)).trim();
  const caCerts = [await Deno.readTextFile(`${remote.place.path}/tls.crt`)];
  using client = ControlClient.connect({ url: remote.url, token, caCerts });
  assertEquals(client.directory, undefined);
  assertEquals((await client.status()).id, remote.node.id);
});

Deno.test("a web server that is no node gets one refusal from each command, and a redirect no token", async () => {
  await using place = new Place();
  const token = `${place.path}/token`;
  await Deno.writeTextFile(token, "ab".repeat(32), { mode: 0o600 });
  let redirected = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname, port } = new URL(request.url);
      if (pathname === "/elsewhere") redirected++;
      if (pathname !== "/v1/status") {
        return new Response("<html>", {
          headers: { "content-type": "text/html" },
        });
      }
      const location = `http://localhost:${port}/elsewhere`;
      return new Response(null, { status: 307, headers: { location } });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const says = async (...args: string[]) => {
    await using child = verack(
      [...args, `--url=${url}`, `--token-file=${token}`],
      { permissions: place.permissions },
    );
    assertEquals(await child.code(), 1);
    return child.err;
  };
  for (const args of [["tail"], ["links", "--watch"], ["peers"]]) {
    const [line, ...others] = await says(...args);
    assertEquals(others, []);
    assertStringIncludes(line ?? "", "is not that of verack's control API");
  }
  const [line] = await says("status");
  assertStringIncludes(
    line ?? "",
    `at ${url}: it redirects to another address`,
  );
  assertEquals(redirected, 0);
  await server.shutdown();
});
