/**
 * Two certificates with which a process tries out, over loopback, whether pinning
 * works (`tls_safety.ts`). Nobody is ever known by them.
 */

/** The name in both certificates below. */
export const PROBE_NAME = "probe.verack.invalid";

/** A certificate that is shown to ourselves over loopback. It vouches for nobody. */
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
export const PROBE_KEY_PEM = `-----BEGIN PRIVATE KEY-----
${
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghpSAbsDMS4UuRaYgrR5x4A/B" +
  "i7mFqU2xtouc4XJXHCKhRANCAAS6l2lgDwB5La+9j6KCg7xTGunSJDaHTGXJAN1E0hayeeNG" +
  "K+2vJE9jL9EFtsQByGX4rAtvb3+2sKsrKrG+4xc+"
}
-----END PRIVATE KEY-----
`;

/** Another certificate for the same name, with another key: as a pin, it must fail. */
export const WRONG_CERTIFICATE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "MIIBYTCCAQagAwIBAgIBATAKBggqhkjOPQQDAjAfMR0wGwYDVQQDExRwcm9iZS52ZXJhY2su" +
    "aW52YWxpZDAgFw03MDAxMDIwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowHzEdMBsGA1UEAxMU" +
    "cHJvYmUudmVyYWNrLmludmFsaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASKtKsmkCyo" +
    "upISHloPkNAcQVYmMLlGCEgkXc2sW8srguIQdcxMnnyqmo1/dyW4+fxTb4U/TfQ3jhCxGvAa" +
    "DtEVozEwLzAMBgNVHRMBAf8EAjAAMB8GA1UdEQQYMBaCFHByb2JlLnZlcmFjay5pbnZhbGlk" +
    "MAoGCCqGSM49BAMCA0kAMEYCIQCBiydSnQJIQkGS3eIv7Z94TLG0KLLW3auz9+ym5KWcVAIh" +
    "ALi2+rNIcoXCnkSCZ4HRKCTEjONOGYNyjFSOp60fdDhD",
);
