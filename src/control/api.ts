/**
 * The schema of the control API, version 1: every request with its input and its answer, by
 * area in the files of `api/`. The server refuses what does not match an input, the client
 * what does not match an answer; `docs/control.md` describes it.
 *
 * Inputs are strict, so that a misspelt field is not overlooked. Answers are loose: a
 * later version may add fields.
 */
import { admissionEndpoints } from "./api/admission_endpoints.ts";
import { eventEndpoints } from "./api/event_endpoints.ts";
import { fileEndpoints, fileOperations } from "./api/file_endpoints.ts";
import { forwardOperations } from "./api/forward_operations.ts";
import { healthEndpoints } from "./api/health_endpoint.ts";
import {
  keptTopicEndpoints,
  keptTopicOperations,
} from "./api/kept_topic_endpoints.ts";
import { messageEndpoints } from "./api/message_endpoints.ts";
import { pageEndpoints } from "./api/page_endpoints.ts";
import { peerEndpoints, watchOperations } from "./api/peer_endpoints.ts";
import { requestEndpoints } from "./api/request_endpoints.ts";

/** Every request with one answer, by the name of its handler. */
export const API = {
  ...peerEndpoints,
  ...healthEndpoints,
  ...eventEndpoints,
  ...messageEndpoints,
  ...requestEndpoints,
  ...admissionEndpoints,
  ...fileEndpoints,
  ...keptTopicEndpoints,
  ...pageEndpoints,
};

/** Every operation, by the name of its handler. */
export const OPERATIONS = {
  ...fileOperations,
  ...forwardOperations,
  ...keptTopicOperations,
  ...watchOperations,
};
