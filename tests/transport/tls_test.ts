import { tlsTransport } from "../../src/transport/tls.ts";
import { transportContract } from "../contract/transport_contract.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const own = await makeCertificate(NAME);
const other = await makeCertificate(NAME);

for (
  const [dials, accepts] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const
) {
  const by = (engine: boolean, other: string) => engine ? "the engine" : other;
  const name = `tlsTransport(), dialed by ${
    by(dials, "Deno.startTls")
  }, accepted by ${by(accepts, "streams")},`;
  transportContract(
    name,
    () =>
      Promise.resolve({
        dialer: tlsTransport({ engine: dials }),
        listener: tlsTransport({ engine: accepts }),
        host: "127.0.0.1",
        ...(hasIpv6() ? { ipv6Host: "::1" } : {}),
        credentials: own,
        pin: { certificate: own.certificate, serverName: NAME },
        wrongPin: { certificate: other.certificate, serverName: NAME },
      }),
  );
}
