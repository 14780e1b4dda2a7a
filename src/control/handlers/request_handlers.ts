/** Handles requests to peers. */
import { namesOf } from "../../identity/peer_name.ts";
import { MAX_REQUEST_TEXT_CHARS } from "../control_limits.ts";
import type { requestEndpoints } from "../api/request_endpoints.ts";
import type { RequestAnswer } from "../answers.ts";
import { badRequest, bytesOfBase64 } from "../guard.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode requestEndpoints}. */
export function requestHandlers(
  { node, closing }: HandlerContext,
): Handlers<typeof requestEndpoints> {
  return {
    request: async (input, { bytes, signal }) => {
      const { to, method, timeoutMs } = input;
      // The query of a binary body has `kind`, which the types of the JSON body do not have.
      const body = bytes === undefined
        ? bodyOf(input)
        : decoded(bytes, (input as { readonly kind?: string }).kind);
      const id = node.resolvePeer(to);
      const answer = await node.request(id, method, body, {
        ...(timeoutMs !== undefined && { timeoutMs }),
        signal: AbortSignal.any([signal, closing]),
      });
      return { id, ...namesOf(node.peer(id)), ...shown(answer) };
    },
  };
}

/** The one body that the fields have, or none. */
function bodyOf(
  { text, base64, json }: {
    readonly text?: string;
    readonly base64?: string;
    readonly json?: unknown;
  },
): unknown {
  const given = [text, base64, json].filter((it) => it !== undefined);
  if (given.length > 1) {
    throw badRequest("The body must be in one of text, base64, json");
  }
  return base64 === undefined ? given[0] : bytesOfBase64(base64);
}

function decoded(bytes: Uint8Array, kind = "bytes"): unknown {
  if (kind === "bytes") return bytes;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
    return kind === "text" ? text : JSON.parse(text);
  } catch {
    throw badRequest(`The body is no ${kind} in UTF-8, which kind says it is`);
  }
}

function shown(
  answer: unknown,
): Pick<RequestAnswer, "kind" | "text" | "base64" | "json"> {
  if (answer === undefined) return { kind: "none" };
  if (answer instanceof Uint8Array) {
    return { kind: "bytes", base64: answer.toBase64() };
  }
  if (typeof answer !== "string") return { kind: "json", json: answer };
  // Each of its characters may take six when it is escaped.
  if (answer.length <= MAX_REQUEST_TEXT_CHARS) {
    return { kind: "text", text: answer };
  }
  const bytes = new TextEncoder().encode(answer);
  return { kind: "text", base64: bytes.toBase64() };
}
