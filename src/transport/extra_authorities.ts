/**
 * The settings by which this process trusts more certificate authorities than Deno does by itself:
 * named, and dropped. Every command drops them and few use TLS, so this imports none of it.
 */

/** Variables that make Deno trust further authorities, but for harmless values. */
const AUTHORITY_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  DENO_CERT: [""],
  NODE_EXTRA_CA_CERTS: [""],
  // Public roots, Deno's default, may not issue for `.invalid`.
  DENO_TLS_CA_STORE: ["", "mozilla"],
};

/**
 * For the command line, before anything uses TLS: no authorities at all, neither
 * Deno's own roots nor further ones. Pins work without. A variable that may not be changed is
 * left as it is; `tls_safety.ts` checks the result.
 */
export function dropExtraAuthorities(): void {
  setVariable("DENO_TLS_CA_STORE", "");
  setVariable("DENO_CERT", undefined);
  setVariable("NODE_EXTRA_CA_CERTS", undefined);
}

/**
 * For a command that uses TLS of the web, such as to a control API elsewhere: also the
 * authorities of the system, unless the user has chosen others.
 */
export function trustSystemAuthorities(): void {
  if (!mayUse("DENO_TLS_CA_STORE")) return;
  if (Deno.env.get("DENO_TLS_CA_STORE")) return;
  setVariable("DENO_TLS_CA_STORE", "mozilla,system");
}

/** The settings that add authorities to Deno's own; `undefined` when that cannot be known. */
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

/** Without a prompt. */
function mayUse(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state ===
    "granted";
}
