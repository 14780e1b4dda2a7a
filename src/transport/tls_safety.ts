/**
 * Whether certificates can be pinned safely in this process.
 *
 * Pinning leans on Deno's TLS: on its checking anything at all, and on no
 * authority beyond the pin being able to vouch. A flag or a variable that the
 * operator set, or that somebody set for them, can take away both. This is found
 * out by trying, once a process, before the first dial or listen.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { clockFault } from "./clock_fault.ts";
import { peerCertificate, sameBytes } from "./peer_certificate.ts";
import { certificatePem } from "./pem.ts";
import {
  PROBE_CERTIFICATE,
  PROBE_KEY_PEM,
  PROBE_NAME,
  WRONG_CERTIFICATE,
} from "./probe_certificates.ts";

/** Variables that make Deno trust further authorities, but for harmless values. */
const AUTHORITY_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  DENO_CERT: [""],
  NODE_EXTRA_CA_CERTS: [""],
  // The roots of browsers, Deno's default, may not issue for `.invalid`.
  DENO_TLS_CA_STORE: ["", "mozilla"],
};

/** What the process is like, as far as pinning depends on it. */
export interface TlsFacts {
  /** Whether a dial with a wrong pin failed, as it should. */
  readonly rejectsWrongPin: boolean;
  /** Whether Deno shows the peer's certificate, so that it can be compared. */
  readonly showsCertificate: boolean;
  /** What brings further authorities in; `undefined` when that cannot be known. */
  readonly extraAuthorities: readonly string[] | undefined;
}

/** Why pinning would not be safe given `facts`, or `undefined` if it is. Pure. */
export function unsafeReason(facts: TlsFacts): string | undefined {
  if (!facts.rejectsWrongPin) {
    return "TLS accepts any certificate, do not use --unsafely-ignore-certificate-errors";
  }
  if (facts.showsCertificate) return undefined;
  const version =
    `this version of Deno (${Deno.version.deno}) does not show the peer's certificate`;
  if (facts.extraAuthorities === undefined) {
    return `${version}, and whether further authorities are trusted cannot be known, use the pinned version`;
  }
  return facts.extraAuthorities.length === 0
    ? undefined
    : `${version}, and ${
      facts.extraAuthorities.join(", ")
    } brings in authorities that could pose as any peer, unset it`;
}

let checked: Promise<TlsFacts> | undefined;

/**
 * Resolves with what was found if pinning is safe in this process. Checked once: two handshakes over
 * loopback, some 25 ms with the loading of TLS itself.
 *
 * @throws {VerackError} `unsafe`, with what to change; `permission` without
 * `--allow-net=127.0.0.1`; `tls` when the check itself fails.
 */
export function tlsSafety(): Promise<TlsFacts> {
  checked ??= checkTlsSafety().catch((error) => {
    // Only a verdict is final; a lack of descriptors, say, is not.
    if (!(error instanceof VerackError && error.code === "unsafe")) {
      checked = undefined;
    }
    throw error;
  });
  return checked;
}

/**
 * For the command line, before anything uses TLS: no authorities at all, neither
 * Deno's own roots nor further ones. Pins work without. A variable that may not
 * be changed is left alone; {@linkcode tlsSafety} judges what remains.
 */
export function dropExtraAuthorities(): void {
  setVariable("DENO_TLS_CA_STORE", "");
  setVariable("DENO_CERT", undefined);
  setVariable("NODE_EXTRA_CA_CERTS", undefined);
}

/** The settings that bring in authorities besides Deno's own; `undefined` when that cannot be known. */
export function extraAuthorities(): string[] | undefined {
  const found: string[] = [];
  for (const [name, harmless] of Object.entries(AUTHORITY_VARIABLES)) {
    if (!mayUse(name)) return undefined;
    const value = Deno.env.get(name);
    if (value !== undefined && !harmless.includes(value)) found.push(name);
  }
  const flags = runtimeFlags();
  if (flags === undefined) return undefined;
  if (flags.some((flag) => /^--cert(=|$)/.test(flag))) found.push("--cert");
  return found;
}

async function checkTlsSafety(): Promise<TlsFacts> {
  let facts: TlsFacts;
  try {
    facts = await probe();
  } catch (error) {
    throw new VerackError(
      error instanceof Deno.errors.NotCapable ? "permission" : "tls",
      error instanceof Deno.errors.NotCapable
        ? "Cannot check TLS over loopback: permission denied by Deno, add --allow-net=127.0.0.1"
        : `Cannot check TLS over loopback: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const reason = unsafeReason(facts);
  if (reason !== undefined) {
    throw new VerackError("unsafe", `Cannot pin certificates: ${reason}`);
  }
  return facts;
}

async function probe(): Promise<TlsFacts> {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certificatePem(PROBE_CERTIFICATE),
    key: PROBE_KEY_PEM,
  });
  const wrong = await probeWith(listener, WRONG_CERTIFICATE);
  const right = await probeWith(listener, PROBE_CERTIFICATE);
  if (!right.accepted) {
    throw new Error(clockFault() ?? "the right certificate was refused too");
  }
  return {
    rejectsWrongPin: !wrong.accepted,
    showsCertificate: right.shown !== undefined &&
      sameBytes(right.shown, PROBE_CERTIFICATE),
    extraAuthorities: extraAuthorities(),
  };
}

/** One handshake with ourselves, pinned to `pin`: accepted, and what was shown. */
async function probeWith(
  listener: Deno.TlsListener,
  pin: Uint8Array,
): Promise<{ accepted: boolean; shown: Uint8Array | undefined }> {
  const { port } = listener.addr as Deno.NetAddr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  tcp.setNoDelay(true);
  using accepted = await listener.accept();
  const serving = accepted.handshake().catch(() => {});
  using tls = await Deno.startTls(tcp, {
    hostname: PROBE_NAME,
    caCerts: [certificatePem(pin)],
  });
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

/**
 * The arguments this process was started with, up to the script's own, or
 * `undefined` where they cannot be read: `--cert` is shown nowhere else.
 */
function runtimeFlags(): string[] | undefined {
  try {
    const read = Deno.permissions.querySync({ name: "read", path: "/proc" });
    if (read.state !== "granted") return undefined;
    return Deno.readTextFileSync("/proc/self/cmdline").split("\0");
  } catch {
    return undefined;
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (!mayUse(name)) return;
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}

/** Without asking anybody. */
function mayUse(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state ===
    "granted";
}
