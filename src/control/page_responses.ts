/**
 * Serves the files of the page from memory. They are the same for all, and hold no secret; what
 * they show comes by the API, for which the browser must be signed in.
 */
import type { pageFile } from "../page/page_files.ts";
import { ApiError } from "./guard.ts";

/**
 * On every file: scripts and styles from this server only, no connection to another one, no
 * frame, no form, and text never becomes markup or code.
 */
const HEADERS: Readonly<Record<string, string>> = {
  // Kept, but asked for again each time: another version may run at the same port.
  "cache-control": "no-cache",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": [
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "payment",
    "usb",
  ].map((name) => `${name}=()`).join(", "),
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * The response to a request for a file.
 *
 * @throws {ApiError} 404 for a path without a file, 405 for another method than `GET`
 * and `HEAD`.
 */
export function pageResponse(
  request: Request,
  fileAt: typeof pageFile,
): Response {
  const { method, headers, url } = request;
  // One spelling of each path, which is never one of a file system.
  const file = fileAt(new URL(url).pathname);
  if (file === undefined) {
    throw new ApiError(404, "not-found", "There is no such file of the page");
  }
  if (method !== "GET" && method !== "HEAD") {
    throw new ApiError(
      405,
      "method-not-allowed",
      "The method must be GET, HEAD",
      { allow: "GET, HEAD" },
    );
  }
  const zips = acceptsGzip(headers.get("accept-encoding"));
  const body = zips ? file.gzip : file.body;
  // A strong tag is that of one encoding (RFC 9110 §8.8.3.3).
  const etag = zips ? `${file.etag.slice(0, -1)}-gzip"` : file.etag;
  const common = { ...HEADERS, etag, vary: "accept-encoding" };
  if (isKnown(headers.get("if-none-match"), etag)) {
    return new Response(null, {
      status: 304,
      // That of the file (RFC 9110 §8.6); without one it is taken for a stream of events.
      headers: { ...common, "content-length": `${body.length}` },
    });
  }
  return new Response(method === "HEAD" ? null : body, {
    headers: {
      ...common,
      ...(zips && { "content-encoding": "gzip" }),
      "content-length": `${body.length}`,
      "content-type": file.contentType,
    },
  });
}

/**
 * A service worker of another program that had this port before answers for this server, in the
 * browsers that have it. They ask for its script again when an address here is opened, and get
 * one that removes itself and loads the windows again, from this server.
 */
const WORKER_REMOVAL = `
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil((async () => {
  await registration.unregister();
  for (const window of await clients.matchAll({ type: "window" })) {
    await window.navigate(window.url).catch(() => {});
  }
})()));
`;

/** The response to a request for the script of a service worker, at any path. */
export function workerRemoval(): Response {
  return new Response(WORKER_REMOVAL, {
    headers: {
      ...HEADERS,
      "cache-control": "no-store",
      "content-length": `${WORKER_REMOVAL.length}`,
      "content-type": "text/javascript; charset=utf-8",
      "service-worker-allowed": "/",
    },
  });
}

/** Whether `Accept-Encoding` (RFC 9110 §12.5.3) names gzip, without a weight of 0. */
function acceptsGzip(value: string | null): boolean {
  return /(^|,)\s*gzip\s*(;\s*q=(1|0\.\d*[1-9])[^,]*)?(,|$)/i.test(value ?? "");
}

/** Whether the value of `If-None-Match` (RFC 9110 §13.1.2) has this tag. */
function isKnown(value: string | null, etag: string): boolean {
  return value !== null &&
    (value.trim() === "*" ||
      value.split(",").some((it) => it.trim().replace(/^W\//, "") === etag));
}
