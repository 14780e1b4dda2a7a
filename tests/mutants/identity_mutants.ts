/** Checks of certificates, signatures, proofs, statements, secrets and names. */
import { type Mutant, NEVER } from "./mutant.ts";

const CERTIFICATES = [
  "tests/identity/bad_certificate_test.ts",
  "tests/identity/bad_certificate_key_test.ts",
  "tests/identity/forged_certificate_test.ts",
  "tests/identity/certificate_test.ts",
  "tests/identity/der_test.ts",
];
const PROOFS = ["tests/identity/proof_test.ts"];
const STATEMENTS = [
  "tests/identity/statement_test.ts",
  "tests/mesh/statements_test.ts",
  "tests/attacks/statement_test.ts",
];
const SECRETS = [
  "tests/session/secret_exchange_test.ts",
  "tests/identity/network_secret_test.ts",
];
const NAMES = ["tests/identity/peer_name_test.ts"];

/** Checks of who is who. */
export const IDENTITY_MUTANTS: readonly Mutant[] = [
  {
    name: "a certificate may be of any size",
    snippet: "if (der.length > MAX_CERTIFICATE_BYTES) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may be filed under another identity",
    snippet:
      "if (expected !== undefined && certificate.identity !== expected) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "bytes may follow a certificate",
    snippet: 'file.end("the certificate");',
    mutated: "",
    tests: CERTIFICATES,
  },
  {
    name: "fields may follow the extensions of a certificate",
    snippet: 'body.end("the extensions");',
    mutated: "",
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may have any version",
    snippet: "if (!equalBytes(version.whole, VERSION_3_DER)) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may name another algorithm inside",
    snippet: "!equalBytes(fields.innerAlgorithm.whole, algorithm) ||",
    mutated: "",
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may name another algorithm outside",
    snippet: "|| !equalBytes(fields.outerAlgorithm.whole, algorithm)",
    mutated: "",
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may have any subject",
    snippet: "if (!equalBytes(fields.subject.whole, name)) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may have any issuer",
    snippet: "if (!equalBytes(fields.issuer.whole, name)) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may have any validity",
    snippet: "if (!equalBytes(fields.validity.whole, VALIDITY_DER)) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate may have any extensions",
    snippet:
      "if (!equalBytes(fields.extensions.whole, extensionsDer(serverName))) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a certificate need not be signed by its key",
    snippet: "if (!signatureHolds(fields, key, publicKey)) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "DER lengths need not be in their shortest form",
    snippet: "if (length < 0x80 || length >>> (8 * (count - 1)) === 0) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "DER integers need not be in their shortest form",
    snippet: "if (first === 0 && second < 0x80) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "a key may be a point of small order",
    snippet: "|| SMALL_ORDER.some((point) => equalBytes(point, y))",
    mutated: "",
    tests: CERTIFICATES,
  },
  {
    name: "an RSA key may have any size",
    snippet: "if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {",
    mutated: NEVER,
    tests: CERTIFICATES,
  },
  {
    name: "an ECDSA signature may have high s",
    snippet: "return readScalars(signature).s <= P256_ORDER / 2n;",
    mutated: "return readScalars(signature).s > 0n;",
    tests: [...CERTIFICATES, ...PROOFS],
  },
  {
    name: "a proof may be by another key than the dialer's",
    snippet: "if (certificate.identity !== context.dialer) return false;",
    mutated: "",
    tests: PROOFS,
  },
  {
    name: "a proof is not bound to the listener",
    snippet: "peerIdBytes(context.listener),",
    mutated: "new Uint8Array(IDENTITY_BYTES),",
    tests: PROOFS,
  },
  {
    name: "a proof is not bound to the challenge",
    snippet: "challenge, transcript, length, extensions, ]",
    mutated: "new Uint8Array(32), transcript, length, extensions, ]",
    tests: PROOFS,
  },
  {
    name: "a proof is not bound to the conversation",
    snippet: "challenge, transcript, length, extensions, ]",
    mutated: "challenge, new Uint8Array(32), length, extensions, ]",
    tests: PROOFS,
  },
  {
    name: "the extensions of a proof are not signed",
    snippet: "challenge, transcript, length, extensions, ]",
    mutated: "challenge, transcript, length, ]",
    tests: PROOFS,
  },
  {
    name: "a statement may be by another than its issuer",
    snippet: "if (statement.issuer !== issuer.identity) return false;",
    mutated: "",
    tests: STATEMENTS,
  },
  {
    name: "a member may admit itself",
    snippet: "if (issuer === subject) return false;",
    mutated: "",
    tests: STATEMENTS,
  },
  {
    name: "anybody on record may admit others",
    snippet: ": record !== undefined && this.#isAdmitted(record)",
    mutated: ": record !== undefined",
    tests: [...STATEMENTS, "tests/mesh/closed_mesh_test.ts"],
  },
  {
    name: "a secret need not be known to be shown",
    snippet: "verifySecretMac(secret.key, this.#context(by, transcript), mac);",
    mutated: "true;",
    tests: SECRETS,
  },
  {
    name: "a secret need not be shown",
    snippet: "if (!accepts?.required || this.#shown !== undefined) return;",
    mutated: "return;",
    tests: SECRETS,
  },
  {
    name: "the proof of a secret may be sent back to its maker",
    snippet: '.u8(context.by === "dialer" ? 0 : 1)',
    mutated: ".u8(0)",
    tests: SECRETS,
  },
  {
    name: "the proof of a secret may be relayed to another listener",
    snippet: '.hex("listener", context.listener, PEER_ID_BYTES)',
    mutated: '.hex("listener", "00".repeat(PEER_ID_BYTES), PEER_ID_BYTES)',
    tests: SECRETS,
  },
  {
    name: "the proof of a secret may be replayed",
    snippet: '.fixedBytes("transcript", context.transcript, TRANSCRIPT_BYTES)',
    mutated:
      '.fixedBytes("transcript", new Uint8Array(TRANSCRIPT_BYTES), TRANSCRIPT_BYTES)',
    tests: SECRETS,
  },
  {
    name: "a secret may be of any length",
    snippet: "if (bytes.length < MIN_NETWORK_SECRET_BYTES) {",
    mutated: NEVER,
    tests: SECRETS,
  },
  {
    name: "a name may have invisible characters",
    snippet: "if (INVISIBLE.test(name)) {",
    mutated: NEVER,
    tests: NAMES,
  },
  {
    name: "a name may read like an identity",
    snippet: "if (IDENTITY_LIKE.test(name)) {",
    mutated: NEVER,
    tests: NAMES,
  },
  {
    name: "a name may look like another in Latin letters",
    snippet: "if (LOOKALIKE.test(name)) {",
    mutated: NEVER,
    tests: NAMES,
  },
];
