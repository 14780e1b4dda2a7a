import { connect } from "node:tls";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import { missingFlag, netError } from "../../src/transport/net_errors.ts";
import { plainHost } from "../../src/transport/ip.ts";

const ADDRESS = { host: "10.1.2.3", port: 4567 };

function systemError(code: string): Error {
  return Object.assign(new Error(`something (os error: ${code})`), { code });
}

Deno.test("netError() maps every kind of failure to its own code and names the address", () => {
  const table: [unknown, ErrorCode][] = [
    [new Deno.errors.ConnectionRefused("os error 111"), "connection-refused"],
    [systemError("ECONNREFUSED"), "connection-refused"],
    [systemError("EHOSTUNREACH"), "unreachable"],
    [systemError("ENETUNREACH"), "unreachable"],
    [systemError("EADDRNOTAVAIL"), "unreachable"],
    [systemError("ETIMEDOUT"), "timeout"],
    [new Deno.errors.TimedOut("os error 110"), "timeout"],
    [systemError("ECONNRESET"), "closed"],
    [systemError("EPIPE"), "closed"],
    [new Deno.errors.UnexpectedEof("unexpected end of file"), "closed"],
    [new Deno.errors.Interrupted("operation canceled"), "closed"],
    [systemError("EMFILE"), "full"],
    [systemError("EACCES"), "permission"],
    [
      new Error(
        "failed to lookup address information: Name or service not known",
      ),
      "dns",
    ],
    [systemError("ENOTFOUND"), "dns"],
    [
      new Deno.errors.InvalidData("invalid peer certificate: UnknownIssuer"),
      "wrong-certificate",
    ],
    [
      new Deno.errors.InvalidData(
        "received fatal alert: NoApplicationProtocol",
      ),
      "alpn",
    ],
    [
      new Deno.errors.InvalidData("peer doesn't support any known protocol"),
      "alpn",
    ],
    [
      new Deno.errors.InvalidData(
        "received corrupt message of type InvalidContentType",
      ),
      "tls",
    ],
    // The other end's verdict on us says nothing about its certificate.
    [
      new Deno.errors.InvalidData("received fatal alert: BadCertificate"),
      "tls",
    ],
    ["just a string", "tls"],
    [undefined, "tls"],
  ];
  for (const [error, code] of table) {
    const mapped = netError(error, "dial", ADDRESS);
    assertEquals(mapped.code, code, String(error));
    assertStringIncludes(mapped.message, "Cannot dial 10.1.2.3:4567: ");
    assertEquals(mapped.cause, error);
  }
});

Deno.test("netError() tells a port taken from an address that is not ours when listening", () => {
  for (
    const [code, expected] of [
      ["EADDRINUSE", "address-in-use"],
      ["EADDRNOTAVAIL", "address-not-available"],
      ["EINVAL", "address-not-available"],
    ] as const
  ) {
    assertEquals(
      netError(systemError(code), "listen", ADDRESS).code,
      expected,
    );
  }
});

Deno.test("netError() names the whole flag that a missing permission needs", () => {
  const error = netError(
    new Deno.errors.NotCapable(
      'Requires net access to "10.1.2.3:4567", run again with the --allow-net flag',
    ),
    "dial",
    ADDRESS,
  );
  assertEquals(error.code, "permission");
  assertStringIncludes(error.message, "--allow-net=10.1.2.3:4567");
});

Deno.test("netError() gives the abort as the reason, whatever the socket says", () => {
  const socketSays = new Deno.errors.Interrupted("operation canceled");
  const timeout = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  assertEquals(netError(socketSays, "dial", ADDRESS, timeout).code, "timeout");
  const stopped = AbortSignal.abort(new VerackError("stopped", "Closing"));
  const error = netError(socketSays, "dial", ADDRESS, stopped);
  assertEquals(error.code, "aborted");
  assertStringIncludes(error.message, "Closing");
});

Deno.test("netError() tells a wrong port in words instead of rustls's", () => {
  const table: [message: string, told: string][] = [
    [
      "received corrupt message of type InvalidContentType (SSL routines:ssl3_get_record:wrong version number)",
      "the other end does not speak TLS, so this is not the port of a verack node; check host and port",
    ],
    [
      "received fatal alert: NoApplicationProtocol",
      "the other end speaks TLS but not verack/1, so this is not the port of a verack node (perhaps that of its control API); check host and port",
    ],
    [
      "received fatal alert: ProtocolVersion",
      "the other end does not speak TLS 1.3, so it is not a verack node",
    ],
    [
      "received fatal alert: UnknownCA",
      "the other end does not take this node's certificate: it looks for another identity here, or is no verack node",
    ],
  ];
  for (const [message, told] of table) {
    const error = netError(
      new Deno.errors.InvalidData(message),
      "dial",
      ADDRESS,
    );
    assertEquals(error.message, `Cannot dial 10.1.2.3:4567: ${told}`);
  }
  // A stranger that dialed us has no port to check.
  assertEquals(
    netError(
      new Error("received corrupt message of type InvalidContentType"),
      "accept",
      ADDRESS,
    ).message,
    "Cannot accept 10.1.2.3:4567: the other end does not speak TLS",
  );
});

Deno.test("netError() leaves a VerackError as it is", () => {
  const error = new VerackError("alpn", "Cannot dial");
  assertEquals(netError(error, "dial", ADDRESS), error);
});

Deno.test("plainHost() makes one text of every spelling of a host", () => {
  const table: [string, string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::ffff:c0a8:102", "192.168.1.2"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::1", "2001:db8::1"],
    ["fe80::1%2", "fe80::1%2"],
  ];
  for (const [host, expected] of table) assertEquals(plainHost(host), expected);
});

Deno.test("netError() names the flag without a port when any port was asked for", () => {
  const missing = new Deno.errors.NotCapable(
    'Requires net access to "[::]:0", run again with the --allow-net flag',
  );
  assertEquals(
    netError(missing, "listen", { host: "::", port: 0 }).message,
    "Cannot listen on [::]:0: permission denied by Deno, add --allow-net=[::]",
  );
});

Deno.test("missingFlag() names a flag for every form in which Deno says what is missing", () => {
  const table: [requires: string, add: string][] = [
    ['read access to "/a b/c"', "--allow-read=/a b/c"],
    [
      'net access to "unix:/data/control.sock"',
      "--allow-net=unix:/data/control.sock,localhost:80",
    ],
    [
      "write access to <TMP>",
      "--allow-write=DIR with the directory for temporary files, such as /tmp",
    ],
    ["run access to <exec_path>", "--allow-run"],
  ];
  for (const [requires, add] of table) {
    assertEquals(
      missingFlag(`Requires ${requires}, run again with the flag`),
      `permission denied by Deno, add ${add}`,
    );
  }
});

Deno.test({
  name:
    "netError() names the flag that looking up a name needs, as node:tls fails without it",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const socket = connect({ host: "localhost", port: 1 });
    socket.on("error", resolve);
    const address = { host: "localhost", port: 1 };
    const error = netError(await promise, "dial", address);
    assertEquals(error.code, "permission");
    assertEquals(
      error.message,
      "Cannot dial localhost:1: permission denied by Deno, add --allow-net=localhost",
    );
  },
});
