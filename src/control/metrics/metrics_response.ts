/** Answers with metrics: to a client with the token, and at a listener without one. */
import { ApiError, textResponse } from "../guard.ts";
import { healthResponse } from "../health_response.ts";
import type { SharedReading } from "../node_snapshot.ts";
import type { StatusReading } from "./metric.ts";
import { formatFor, MEDIA_TYPES, metricsText } from "./open_metrics.ts";

/** The metrics in the format that the client prefers. */
export function metricsResponse(
  status: StatusReading,
  headers: Headers,
): Response {
  const format = formatFor(headers.get("accept"));
  return textResponse(metricsText(status, format), MEDIA_TYPES[format]);
}

/** What a listener without a token has. */
const PATHS = ["/metrics", "/v1/health"];

/**
 * Answers a request of a listener without a token: `/metrics` and `/v1/health` without details,
 * and nothing else. It reads neither a body nor, but for `probe` and `Accept`, anything that the
 * client sends.
 *
 * @throws {ApiError} 404, 405.
 */
export function publicResponse(
  { url, method, headers }: Pick<Request, "url" | "method" | "headers">,
  reading: SharedReading<StatusReading>,
): Response {
  const { pathname, searchParams } = new URL(url);
  if (!PATHS.includes(pathname)) {
    throw new ApiError(
      404,
      "not-found",
      `There is nothing at this path, must be one of ${PATHS.join(", ")}`,
    );
  }
  if (method !== "GET") {
    throw new ApiError(405, "method-not-allowed", "The method must be GET", {
      allow: "GET",
    });
  }
  if (pathname === "/metrics") return metricsResponse(reading.get(), headers);
  const probe = searchParams.get("probe") === "live" ? "live" : "ready";
  return healthResponse(reading.get().health, { probe, details: false });
}
