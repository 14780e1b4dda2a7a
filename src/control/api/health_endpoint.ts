/** The health of the node, for probes. */
import * as v from "npm:valibot@1.5.0";
import type { HealthFact } from "../../mesh/health.ts";
import type { Json } from "../answers.ts";
import { get } from "./endpoint.ts";
import {
  boolean,
  optional,
  type Schema,
  string,
  time,
} from "./schema_fields.ts";

/** Answer to `GET /v1/health`. */
export interface HealthAnswer {
  /** Whether none of the reasons is `failing`. */
  readonly healthy: boolean;
  /** What is wrong at present, oldest first. Texts are not escaped. */
  readonly reasons: readonly Json<HealthFact>[];
}

/** Status of the answer of a node that fails. */
export const UNHEALTHY_STATUS = 503;

/**
 * What the status is for. `live`: success whenever the node answers, since a restart mends no
 * disk and no copied key; `ready`, the default: no fact may be failing.
 */
const PROBES = ["live", "ready"] as const;

/** What the status of an answer is for. */
export type HealthProbe = typeof PROBES[number];

/** What is wrong, also in the status. */
export const HEALTH_FACTS: Schema<HealthAnswer["reasons"]> = v.array(
  v.looseObject({
    code: string,
    severity: v.picklist(["failing", "warning"]),
    message: string,
    since: time,
  }),
);

const HEALTH: Schema<HealthAnswer> = v.looseObject({
  healthy: boolean,
  reasons: HEALTH_FACTS,
});

/** The request for the health of the node. */
export const healthEndpoints = {
  health: get(
    "/v1/health",
    { probe: optional(v.picklist(PROBES, `one of ${PROBES.join(", ")}`)) },
    HEALTH,
    { failingStatus: UNHEALTHY_STATUS },
  ),
};
