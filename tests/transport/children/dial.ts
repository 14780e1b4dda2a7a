/**
 * Dials as a process of its own, so that tests can set what a process cannot
 * change for itself: flags, and variables that Deno reads at the start.
 *
 * Arguments: how, port, pin (PEM file), server name. How is `naive`, `verack`,
 * `verack-cli` (as the command line sets itself up) or `fetch-cli` (which looks at
 * the certificate only). Prints one line of JSON: what came of it.
 */
import { VerackError } from "../../../src/core/errors.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import { dropExtraAuthorities } from "../../../src/transport/extra_authorities.ts";

const [how, port = "", pinFile = "", serverName = ""] = Deno.args;
const pinPem = await Deno.readTextFile(pinFile);
const address = { host: "127.0.0.1", port: Number(port) };
const secret = new TextEncoder().encode("pay 5 to alice");

/** What a reader of Deno's manual would write: trust the certificate, check the name. */
async function naive(): Promise<unknown> {
  const tcp = await Deno.connect({
    hostname: address.host,
    port: address.port,
  });
  using tls = await Deno.startTls(tcp, {
    hostname: serverName,
    caCerts: [pinPem],
    alpnProtocols: ["verack/1"],
  });
  await tls.write(secret);
  const answer = new Uint8Array(100);
  const count = await tls.read(answer) ?? 0;
  return { answer: new TextDecoder().decode(answer.subarray(0, count)) };
}

async function verack(): Promise<unknown> {
  const certificate = Uint8Array.fromBase64(
    pinPem.split("\n").filter((line) => !line.startsWith("-----")).join(""),
  );
  const connection = await tlsTransport().dial(address, {
    pin: { certificate, serverName },
  });
  await connection.write(secret);
  const answer = new Uint8Array(100);
  const count = await connection.read(answer) ?? 0;
  connection.close();
  return { answer: new TextDecoder().decode(answer.subarray(0, count)) };
}

async function fetch(): Promise<unknown> {
  const seen = await tlsTransport().fetchCertificate(address, {});
  return { answer: seen.toBase64() };
}

if (how?.endsWith("-cli")) dropExtraAuthorities();
const run = how === "naive" ? naive : how === "fetch-cli" ? fetch : verack;
try {
  console.log(JSON.stringify(await run()));
} catch (error) {
  const code = error instanceof VerackError ? error.code : "not a VerackError";
  console.log(JSON.stringify({ code, message: String(error) }));
}
