/**
 * The answer to `GET /v1/health`, for the control API and for listeners without a token. Which
 * facts there are is in `mesh/health.ts`.
 */
import { type HealthFact, isHealthy } from "../mesh/health.ts";
import { type HealthProbe, UNHEALTHY_STATUS } from "./api/health_endpoint.ts";
import { jsonResponse } from "./guard.ts";

/** Options of {@linkcode healthResponse}. */
export interface HealthResponseOptions {
  /** @default {"ready"} */
  readonly probe?: HealthProbe;
  /**
   * Whether it has messages and times, and so ids and addresses: for clients that may control the
   * node.
   */
  readonly details: boolean;
}

/** The answer about these facts. */
export function healthResponse(
  facts: readonly HealthFact[],
  { probe = "ready", details }: HealthResponseOptions,
): Response {
  const healthy = isHealthy(facts);
  const reasons = details
    ? facts
    : facts.map(({ code, severity }) => ({ code, severity }));
  const status = healthy || probe === "live" ? 200 : UNHEALTHY_STATUS;
  return jsonResponse({ healthy, reasons }, status);
}
