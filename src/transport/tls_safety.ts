/**
 * Whether certificates can be pinned safely in this process.
 *
 * Pinning requires that Deno verifies certificates at all, and trusts no authority beyond the
 * pin. A flag or an environment variable can disable both. This is tested once a process,
 * before the first dial or listen.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { writePem } from "../core/pem.ts";
import { extraAuthorities } from "./extra_authorities.ts";
import { TEST_PROTOCOL, usableEngine } from "./usable_engine.ts";
import type { NativeEngineClass } from "./tls_engine.ts";
import { clockFault } from "./tls_errors.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** The name in both certificates below. */
const PROBE_NAME = "probe.verack.invalid";

/** A certificate that is shown over loopback only. No peer is known by it. */
export const PROBE_CERTIFICATE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "MIIBXzCCAQagAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDExRwcm9iZS52ZXJhY2su" +
    "aW52YWxpZDAgFw03MDAxMDIwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowHzEdMBsGA1UEAxMU" +
    "cHJvYmUudmVyYWNrLmludmFsaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS6l2lgDwB5" +
    "La+9j6KCg7xTGunSJDaHTGXJAN1E0hayeeNGK+2vJE9jL9EFtsQByGX4rAtvb3+2sKsrKrG+" +
    "4xc+ozEwLzAMBgNVHRMBAf8EAjAAMB8GA1UdEQQYMBaCFHByb2JlLnZlcmFjay5pbnZhbGlk" +
    "MAoGCCqGSM49BAMCA0cAMEQCIHES1tdm4VZ8l6ZGFmg/POStS2e+7uGnFamsAk57fWByAiBK" +
    "lZVScc8GiYOqFM0Pvnh3qWlUOeLuqTu0CubiMnS7Hg==",
);
/** The key of {@linkcode PROBE_CERTIFICATE}. */
const PROBE_KEY_PEM = `-----BEGIN PRIVATE KEY-----
${
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghpSAbsDMS4UuRaYgrR5x4A/B" +
  "i7mFqU2xtouc4XJXHCKhRANCAAS6l2lgDwB5La+9j6KCg7xTGunSJDaHTGXJAN1E0hayeeNG" +
  "K+2vJE9jL9EFtsQByGX4rAtvb3+2sKsrKrG+4xc+"
}
-----END PRIVATE KEY-----
`;

const PROBE_PEM = {
  cert: writePem("CERTIFICATE", PROBE_CERTIFICATE),
  key: PROBE_KEY_PEM,
};

/** Another certificate for the same name, with another key: as a pin, it must fail. */
const WRONG_CERTIFICATE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "MIIBYTCCAQagAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDExRwcm9iZS52ZXJhY2su" +
    "aW52YWxpZDAgFw03MDAxMDIwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowHzEdMBsGA1UEAxMU" +
    "cHJvYmUudmVyYWNrLmludmFsaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASKtKsmkCyo" +
    "upISHloPkNAcQVYmMLlGCEgkXc2sW8srguIQdcxMnnyqmo1/dyW4+fxTb4U/TfQ3jhCxGvAa" +
    "DtEVozEwLzAMBgNVHRMBAf8EAjAAMB8GA1UdEQQYMBaCFHByb2JlLnZlcmFjay5pbnZhbGlk" +
    "MAoGCCqGSM49BAMCA0kAMEYCIQCBiydSnQJIQkGS3eIv7Z94TLG0KLLW3auz9+ym5KWcVAIh" +
    "ALi2+rNIcoXCnkSCZ4HRKCTEjONOGYNyjFSOp60fdDhD",
);

/** The facts of the process on which pinning depends. */
export interface TlsFacts {
  /** Whether a dial with a wrong pin failed, as it should. */
  readonly rejectsWrongPin: boolean;
  /** Whether Deno shows the peer's certificate, so that it can be compared. */
  readonly showsCertificate: boolean;
  /** The setting that adds authorities; `undefined` when that cannot be known. */
  readonly extraAuthorities: readonly string[] | undefined;
}

/** What {@linkcode tlsSafety} finds. */
export interface TlsCheck extends TlsFacts {
  /** What runs TLS best; `undefined` where it does not work, or is turned off. */
  readonly engine: NativeEngineClass | undefined;
}

/** Why pinning would not be safe given `facts`, or `undefined` if it is. Pure. */
export function unsafeReason(facts: TlsFacts): string | undefined {
  if (!facts.rejectsWrongPin) {
    return "TLS accepts any certificate, do not use --unsafely-ignore-certificate-errors";
  }
  if (facts.showsCertificate) return undefined;
  const version =
    `this version of Deno (${Deno.version.deno}) does not show the peer's certificate`;
  const { extraAuthorities: extra } = facts;
  if (extra === undefined) {
    return `${version}, and whether further authorities are trusted cannot be known, use the pinned version`;
  }
  if (extra.length === 0) return undefined;
  return `${version}, and ${
    extra.join(", ")
  } brings in authorities that could pose as any peer, unset it`;
}

let checked: Promise<TlsCheck> | undefined;

/**
 * Resolves with the facts if pinning is safe in this process, else throws `unsafe`. Checked
 * once: four handshakes over loopback, some 25 ms with the loading of TLS itself.
 */
export function tlsSafety(): Promise<TlsCheck> {
  checked ??= checkTlsSafety().catch((error) => {
    // Only that is final; other errors, such as a lack of descriptors, are not.
    if (!(error instanceof VerackError && error.code === "unsafe")) {
      checked = undefined;
    }
    throw error;
  });
  return checked;
}

async function checkTlsSafety(): Promise<TlsCheck> {
  let facts: TlsCheck;
  try {
    facts = await probe();
  } catch (error) {
    const isDenied = error instanceof Deno.errors.NotCapable;
    const detail = isDenied
      ? "permission denied by Deno, add --allow-net=127.0.0.1"
      : messageOf(error);
    throw new VerackError(
      isDenied ? "permission" : "tls",
      `Cannot check TLS over loopback: ${detail}`,
      { cause: error },
    );
  }
  const reason = unsafeReason(facts);
  if (reason !== undefined) {
    throw new VerackError("unsafe", `Cannot pin certificates: ${reason}`);
  }
  return facts;
}

async function probe(): Promise<TlsCheck> {
  using listener = Deno.listenTls({ ...LOOPBACK, ...PROBE_PEM });
  const wrong = await probeWith(listener, WRONG_CERTIFICATE);
  let right: Probed | undefined;
  const dial = (tcp: Deno.TcpConn) => startPinned(tcp, PROBE_CERTIFICATE);
  const credentials = {
    pem: PROBE_PEM,
    pin: { certificate: PROBE_CERTIFICATE, serverName: PROBE_NAME },
    wrongPin: { certificate: WRONG_CERTIFICATE, serverName: PROBE_NAME },
  };
  const engine = await usableEngine(credentials, dial, {
    onHandshake(tls) {
      right = { accepted: true, shown: peerCertificate(tls) };
    },
  });
  // What has accepted it makes no difference to a dialer.
  right ??= await probeWith(listener, PROBE_CERTIFICATE);
  if (!right.accepted) {
    throw new Error(clockFault() ?? "the right certificate was refused too");
  }
  return {
    rejectsWrongPin: !wrong.accepted,
    showsCertificate: right.shown !== undefined &&
      sameBytes(right.shown, PROBE_CERTIFICATE),
    extraAuthorities: extraAuthorities(),
    engine,
  };
}

/** What a dialer sees of a handshake. */
interface Probed {
  readonly accepted: boolean;
  readonly shown: Uint8Array | undefined;
}

/** One handshake over loopback, pinned to `pin`. */
async function probeWith(
  listener: Deno.TlsListener,
  pin: Uint8Array,
): Promise<Probed> {
  const { port } = listener.addr as Deno.NetAddr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  tcp.setNoDelay(true);
  using accepted = await listener.accept();
  const serving = accepted.handshake().catch(() => {});
  using tls = await startPinned(tcp, pin);
  try {
    await tls.handshake();
    return { accepted: true, shown: peerCertificate(tls) };
  } catch (error) {
    if (!/^invalid peer certificate/.test(messageOf(error))) throw error;
    return { accepted: false, shown: undefined };
  } finally {
    await serving;
  }
}

function startPinned(
  tcp: Deno.TcpConn,
  pin: Uint8Array,
): Promise<Deno.TlsConn> {
  const caCerts = [writePem("CERTIFICATE", pin)];
  return Deno.startTls(tcp, {
    hostname: PROBE_NAME,
    caCerts,
    alpnProtocols: [TEST_PROTOCOL],
  });
}

/**
 * The end-entity certificate that the other end of `connection` showed, DER. Deno keeps
 * the accessor under a symbol that is no public API, so it is looked for by its
 * description and tested on the pinned version of Deno; `undefined` if it is missing.
 */
export function peerCertificate(
  connection: Deno.TlsConn,
): Uint8Array | undefined {
  for (
    let object: object | null = connection;
    object !== null;
    object = Object.getPrototypeOf(object)
  ) {
    const symbol = Object.getOwnPropertySymbols(object)
      .find(({ description }) => description === "getPeerCertificate");
    if (symbol !== undefined) return call(connection, symbol);
  }
  return undefined;
}

/** Whether two certificates are the same, byte for byte. They are not secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function call(
  connection: Deno.TlsConn,
  symbol: symbol,
): Uint8Array | undefined {
  const accessor: unknown = Reflect.get(connection, symbol);
  if (typeof accessor !== "function") return undefined;
  const shown: { raw?: Uint8Array } | null | undefined = accessor.call(
    connection,
  );
  return shown?.raw instanceof Uint8Array ? shown.raw : undefined;
}
