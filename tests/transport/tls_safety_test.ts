import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  dropExtraAuthorities,
  extraAuthorities,
} from "../../src/transport/extra_authorities.ts";
import {
  peerCertificate,
  sameBytes,
  tlsSafety,
  unsafeReason,
} from "../../src/transport/tls_safety.ts";
import { makeCertificate } from "../helpers/certificates.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const SAFE = {
  rejectsWrongPin: true,
  showsCertificate: true,
  extraAuthorities: [],
};

Deno.test("peerCertificate() shows the other end's certificate on this version of Deno", async () => {
  // If this fails after an update, Deno has dropped the symbol that pinning's third
  // lock hangs on: see openPinned() and tlsSafety() before anything else.
  const { certificate, certificatePem, privateKeyPem } = await makeCertificate(
    NAME,
  );
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certificatePem,
    key: privateKeyPem,
  });
  const { port } = listener.addr as Deno.NetAddr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  using accepted = await listener.accept();
  const serving = accepted.handshake();
  using tls = await Deno.startTls(tcp, {
    hostname: NAME,
    caCerts: [certificatePem],
  });
  await Promise.all([tls.handshake(), serving]);
  const shown = peerCertificate(tls);
  assert(shown !== undefined, "not shown");
  assertEquals(shown.toHex(), certificate.toHex());
  assertEquals(peerCertificate(accepted), undefined); // dialers show none
});

Deno.test("peerCertificate() says undefined where Deno has no accessor", () => {
  const without = Object.create(null) as Deno.TlsConn;
  assertEquals(peerCertificate(without), undefined);
});

Deno.test("sameBytes() tells apart what differs in length or in any byte", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assertEquals(sameBytes(bytes, Uint8Array.of(1, 2, 3)), true);
  assertEquals(sameBytes(bytes, Uint8Array.of(1, 2)), false);
  assertEquals(sameBytes(Uint8Array.of(1, 2), bytes), false);
  for (const at of [0, 1, 2]) {
    assertEquals(sameBytes(bytes, bytes.with(at, 9)), false);
  }
});

Deno.test("tlsSafety() finds this process safe, once for all", async () => {
  const first = tlsSafety();
  assertEquals(tlsSafety(), first);
  await first;
});

Deno.test("tlsSafety() names the flag to add when it may not use loopback", {
  permissions: { net: ["192.0.2.1"] },
}, async () => {
  // A module instance of its own: the verdict on this process stands already.
  const fresh = await import("../../src/transport/tls_safety.ts?permission");
  const error = await fresh.tlsSafety().then(() => undefined, (e: Error) => e);
  assert(error !== undefined);
  assertEquals((error as { code?: string }).code, "permission");
  assertStringIncludes(error.message, "--allow-net=127.0.0.1");
});

Deno.test("unsafeReason() calls a process safe when one of the two defences holds", () => {
  assertEquals(unsafeReason(SAFE), undefined);
  // Whoever is trusted besides: the certificate itself is compared.
  assertEquals(
    unsafeReason({ ...SAFE, extraAuthorities: ["DENO_CERT"] }),
    undefined,
  );
  assertEquals(
    unsafeReason({ ...SAFE, extraAuthorities: undefined }),
    undefined,
  );
  // Nothing to compare, but nobody else who could vouch.
  assertEquals(unsafeReason({ ...SAFE, showsCertificate: false }), undefined);
});

Deno.test("unsafeReason() says what makes a process unsafe", () => {
  const table = [
    [
      { ...SAFE, rejectsWrongPin: false },
      "--unsafely-ignore-certificate-errors",
    ],
    [
      { ...SAFE, showsCertificate: false, extraAuthorities: ["DENO_CERT"] },
      "DENO_CERT",
    ],
    [
      { ...SAFE, showsCertificate: false, extraAuthorities: undefined },
      "cannot be known",
    ],
  ] as const;
  for (const [facts, says] of table) {
    const reason = unsafeReason(facts);
    assert(reason !== undefined, says);
    assertStringIncludes(reason, says);
  }
});

Deno.test("extraAuthorities() names every variable that brings in authorities", () => {
  const names = ["DENO_CERT", "NODE_EXTRA_CA_CERTS", "DENO_TLS_CA_STORE"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of names) Deno.env.delete(name);
    assertEquals(extraAuthorities(), []);
    Deno.env.set("DENO_CERT", "/some/file.pem");
    Deno.env.set("NODE_EXTRA_CA_CERTS", "/some/file.pem");
    Deno.env.set("DENO_TLS_CA_STORE", "mozilla,system");
    assertEquals(new Set(extraAuthorities()), new Set(names));
    dropExtraAuthorities();
    assertEquals(extraAuthorities(), []);
    assertEquals(Deno.env.get("DENO_TLS_CA_STORE"), "");
    Deno.env.set("DENO_TLS_CA_STORE", "mozilla");
    assertEquals(extraAuthorities(), []);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

Deno.test(
  "extraAuthorities() does not know what it may not read, and asks nobody",
  {
    permissions: "none",
  },
  () => {
    assertEquals(extraAuthorities(), undefined);
    dropExtraAuthorities(); // does nothing, and does not fail
  },
);
