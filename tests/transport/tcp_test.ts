import { tcpTransport } from "../../src/transport/tcp.ts";
import { transportContract } from "../contract/transport_contract.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";

transportContract("tcpTransport()", () =>
  Promise.resolve({
    dialer: tcpTransport(),
    listener: tcpTransport(),
    host: "127.0.0.1",
    ...(hasIpv6() ? { ipv6Host: "::1" } : {}),
  }));
