import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  formatAddress,
  parseAddress,
  parseHost,
  parseService,
  serviceOf,
} from "../../src/transport/address.ts";
import { canonicalIpv6, isIpv4, isIpv6 } from "../../src/transport/ip.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6().filter((ip) => canonicalIpv6(ip) !== undefined)
  .map((ip) => canonicalIpv6(ip) as string);
const name = fc.domain().map((domain) => domain.toLowerCase());

Deno.test("parseAddress() gives back what formatAddress() wrote", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, name), port, (host, port) => {
      const address = { host, port };
      assertEquals(parseAddress(formatAddress(address)), address);
    }),
  );
});

Deno.test("parseAddress() gives an address or a SyntaxError for any text", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."[]:.0123456789abcdef%-_ \0/@#é") }),
  );
  fc.assert(
    fc.property(text, fc.option(port), (text, defaultPort) => {
      try {
        const address = parseAddress(
          text,
          defaultPort === null ? {} : { defaultPort },
        );
        // What was parsed is canonical: parsing it again changes nothing.
        assertEquals(parseAddress(formatAddress(address)), address);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseAddress() takes hosts with and without a port", () => {
  const table: [string, number | undefined, string, number][] = [
    ["127.0.0.1:8080", undefined, "127.0.0.1", 8080],
    ["example.com:1", undefined, "example.com", 1],
    ["EXAMPLE.com:65535", undefined, "example.com", 65_535],
    ["[::1]:8080", undefined, "::1", 8080],
    ["[2001:DB8:0:0::1]:80", undefined, "2001:db8::1", 80],
    ["[::ffff:10.0.0.1]:80", undefined, "::ffff:a00:1", 80],
    ["example.com", 9, "example.com", 9],
    ["example.com:10", 9, "example.com", 10],
    ["::1", 9, "::1", 9],
    ["[::1]", 9, "::1", 9],
    ["a_b.example:1", undefined, "a_b.example", 1],
    ["localhost:1", undefined, "localhost", 1],
  ];
  for (const [text, defaultPort, host, port] of table) {
    const options = defaultPort === undefined ? {} : { defaultPort };
    assertEquals(parseAddress(text, options), { host, port }, text);
  }
});

Deno.test("parseAddress() takes port 0 only where a free port can be meant", () => {
  assertEquals(parseAddress("[::1]:0", { minPort: 0 }), {
    host: "::1",
    port: 0,
  });
  assertThrows(() => parseAddress("[::1]:0"), SyntaxError, "1 to 65535");
});

Deno.test("parseAddress() says what is wrong with a text that is no address", () => {
  const table: [string, string][] = [
    ["", "has no port"],
    ["example.com", "has no port"],
    ["::1", "several colons"],
    ["http://127.0.0.1:80", "is a URL, must be host:port"],
    ["https://example.com/", "is a URL, must be host:port"],
    ["[::1]", "has no port"],
    ["example.com:", "port is"],
    ["example.com:0", "port is"],
    ["example.com:65536", "port is"],
    ["example.com:80x", "port is"],
    ["example.com:-1", "port is"],
    ["example.com: 80", "port is"],
    ["example.com:٣", "port is"],
    [":80", "host is"],
    ["256.0.0.1:80", "host is"],
    ["1.2.3:80", "host is"],
    ["01.2.3.4:80", "host is"],
    ["[127.0.0.1]:80", "host is"],
    ["[example.com]:80", "host is"],
    ["[fe80::1%eth0]:80", "host is"],
    ["-a.example:80", "host is"],
    ["a..b:80", "host is"],
    ["a b:80", "host is"],
    ["user@example.com:80", "host is"],
    ["exa\0mple.com:80", "host is"],
    ["exämple.com:80", "host is"],
    [`${"a".repeat(64)}.com:80`, "host is"],
    [`${"a.".repeat(127)}abc:80`, "host is"],
  ];
  for (const [text, says] of table) {
    assertThrows(() => parseAddress(text), SyntaxError, says, text);
  }
});

Deno.test("parseAddress() shows no more than the beginning of a long text", () => {
  const error = assertThrows(
    () => parseAddress("x".repeat(100_000)),
    SyntaxError,
  );
  assertEquals(error.message.length < 300, true);
});

Deno.test("parseHost() takes an IPv6 address with and without brackets", () => {
  assertEquals(parseHost("[::1]"), "::1");
  assertEquals(parseHost("::1"), "::1");
  assertThrows(() => parseHost("[::1"), SyntaxError);
  assertThrows(() => parseHost("::1]"), SyntaxError);
});

Deno.test("isIpv4() takes four decimal parts and no other spelling of them", () => {
  for (const ip of ["0.0.0.0", "255.255.255.255", "1.2.3.4"]) {
    assertEquals(isIpv4(ip), true, ip);
  }
  for (const ip of ["1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "0x7f.1"]) {
    assertEquals(isIpv4(ip), false, ip);
  }
});

Deno.test("isIpv6() takes IPv6 in any spelling and nothing else", () => {
  for (
    const ip of ["::", "::1", "0:0:0:0:0:0:0:1", "::ffff:1.2.3.4", "FE80::"]
  ) {
    assertEquals(isIpv6(ip), true, ip);
  }
  for (const ip of ["1.2.3.4", "1::2::3", ":::", "12345::", "::1%1", "[::1]"]) {
    assertEquals(isIpv6(ip), false, ip);
  }
});

Deno.test("parseService() takes the name of SRV records, in lower case and without a port", () => {
  const service = parseService("SRV:_Verack._tcp.Example.org.");
  assertEquals(formatAddress(service), "srv:_verack._tcp.example.org");
  assertEquals(serviceOf(service), "_verack._tcp.example.org");
  assertEquals(serviceOf(parseAddress("srv:8080")), undefined);
  const wrong = [
    "srv:",
    "srv:example.org",
    "srv:_verack.example.org",
    "srv:_verack._udp.example.org",
    "srv:_verack._tcp",
    "srv:_verack._tcp.",
    "srv:_verack._tcp.example.org:80",
    `srv:_verack._tcp.${"a".repeat(64)}`,
  ];
  for (const text of wrong) {
    assertThrows(() => parseService(text), SyntaxError, "is no service", text);
  }
});
