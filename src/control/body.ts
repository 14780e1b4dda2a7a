/**
 * Reads request bodies: of the right type, bounded in size and time. No type that an
 * HTML form can send without a CORS preflight is accepted.
 */
import { type Clock, deadline } from "../core/clock.ts";
import {
  CONTROL_BODY_TIMEOUT_MS,
  MAX_CONTROL_BODIES_BYTES,
  MAX_CONTROL_JSON_BYTES,
} from "../limits.ts";
import { badRequest, Refusal } from "./refusal.ts";

const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/octet-stream";

/** Reads the bodies of one server, within a common budget of bytes. */
export class BodyReader {
  readonly #clock: Clock;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request says that its body is bytes. */
  isBinary(request: Request): boolean {
    return typeOf(request) === BINARY_TYPE;
  }

  /**
   * A JSON object, in which no field is repeated; `{}` for an empty body.
   *
   * @throws {Refusal} 415, 413, 408, 503, or 400 when it is no such object.
   */
  async object(request: Request): Promise<object> {
    const type = typeOf(request);
    if (type !== undefined && type !== JSON_TYPE) throw wrongType(type);
    const bytes = await this.bytes(request, MAX_CONTROL_JSON_BYTES);
    if (bytes.length === 0) return {};
    if (type === undefined) throw wrongType(type);
    let text: string;
    let value: unknown;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      value = JSON.parse(text);
    } catch {
      throw badRequest("The body is no JSON in UTF-8");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badRequest("The body must be a JSON object");
    }
    if (hasRepeatedField(value, text)) {
      throw badRequest("A field is given more than once, must be given once");
    }
    return value;
  }

  /**
   * A body of any type, as it is.
   *
   * @throws {Refusal} 413, 408 or 503.
   */
  async bytes(
    request: Request,
    maxBytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const announced = Number(request.headers.get("content-length") ?? 0);
    if (!(announced <= maxBytes)) throw tooLarge(maxBytes);
    if (request.body === null) return new Uint8Array(0);
    const reader = request.body.getReader();
    using limit = deadline(this.#clock, CONTROL_BODY_TIMEOUT_MS);
    const onLate = () => void reader.cancel().catch(() => {});
    limit.signal.addEventListener("abort", onLate, { once: true });
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    try {
      while (true) {
        const { value, done } = await reader.read();
        if (limit.signal.aborted) {
          throw new Refusal(
            408,
            "too-slow",
            `The body did not come within ${CONTROL_BODY_TIMEOUT_MS} ms`,
          );
        }
        if (done) break;
        length += value.length;
        this.#held += value.length;
        if (length > maxBytes) throw tooLarge(maxBytes);
        if (this.#held > MAX_CONTROL_BODIES_BYTES) {
          throw new Refusal(503, "busy", "Too many bodies are being read");
        }
        chunks.push(value);
      }
      return new Uint8Array(await new Blob(chunks).arrayBuffer());
    } catch (error) {
      await reader.cancel().catch(() => {});
      throw error;
    } finally {
      this.#held -= length;
    }
  }
}

/**
 * Whether a flat object names a field twice: `JSON.parse` takes the last of several,
 * other parsers the first. Objects that are not flat match no schema.
 */
function hasRepeatedField(value: object, text: string): boolean {
  const isFlat = Object.values(value).every((it) =>
    it === null || typeof it !== "object"
  );
  if (!isFlat) return false;
  // Only names stand before a colon, since no value is an object.
  const strings = text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g);
  const names = strings.filter(([, colon]) => colon !== undefined).toArray();
  return names.length !== Object.keys(value).length;
}

function typeOf(request: Request): string | undefined {
  const type = request.headers.get("content-type");
  return type?.split(";", 1)[0]?.trim().toLowerCase();
}

function wrongType(type: string | undefined): Refusal {
  return new Refusal(
    415,
    "unsupported-media-type",
    `Content-Type is ${
      type === undefined ? "absent" : JSON.stringify(type)
    }, must be ${JSON_TYPE}`,
  );
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(
    413,
    "too-large",
    `The body is too large, must be at most ${maxBytes} bytes`,
  );
}
