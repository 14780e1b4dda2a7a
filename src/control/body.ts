/**
 * Reading what a request carries: of the right type, bounded in size and time.
 * Types that a web form can send without asking are never among the right ones.
 */
import { type Clock, deadline } from "../core/clock.ts";
import {
  CONTROL_BODY_TIMEOUT_MS,
  MAX_CONTROL_BODIES_BYTES,
  MAX_CONTROL_JSON_BYTES,
} from "../limits.ts";
import { Refusal } from "./refusal.ts";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";

/** Reads bodies for one server, which together hold a bounded number of bytes. */
export class BodyReader {
  readonly #clock: Clock;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A JSON object of plain values; an empty body is an empty one.
   *
   * @param names Fields that it may have, each once.
   * @throws {Refusal} 415, 413, 408, 503, or 400 when it is no such object.
   */
  async object(
    request: Request,
    names: readonly string[],
  ): Promise<Record<string, unknown>> {
    const type = typeOf(request);
    if (type !== undefined && type !== JSON_TYPE) {
      throw wrongType(type, JSON_TYPE);
    }
    const bytes = await this.#read(request, MAX_CONTROL_JSON_BYTES);
    if (bytes.length === 0) return {};
    if (type === undefined) throw wrongType("absent", JSON_TYPE);
    let text: string;
    let value: unknown;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      value = JSON.parse(text);
    } catch {
      throw new Refusal(400, "bad-request", "The body is no JSON in UTF-8");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Refusal(400, "bad-request", "The body must be a JSON object");
    }
    checkFields(value, text, names);
    return { ...value };
  }

  /**
   * Bytes as they are.
   *
   * @throws {Refusal} 415, 413, 408 or 503.
   */
  async bytes(
    request: Request,
    maxBytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const type = typeOf(request);
    if (type !== BYTES_TYPE) throw wrongType(type ?? "absent", BYTES_TYPE);
    return await this.#read(request, maxBytes);
  }

  async #read(
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
    const chunks: Uint8Array[] = [];
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
    } catch (error) {
      await reader.cancel().catch(() => {});
      throw error;
    } finally {
      this.#held -= length;
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }
}

/** @throws {Refusal} 400 when a field is unknown, given twice, or no plain value. */
function checkFields(
  value: object,
  text: string,
  names: readonly string[],
): void {
  for (const [name, field] of Object.entries(value)) {
    if (!names.includes(name)) {
      throw new Refusal(
        400,
        "bad-request",
        `There is no field ${JSON.stringify(name.slice(0, 64))} here, ${
          names.length === 0
            ? "the body must be empty"
            : `must be one of ${names.join(", ")}`
        }`,
      );
    }
    if (typeof field === "object") {
      throw new Refusal(400, "bad-request", `${name} must be a plain value`);
    }
    // Half of a surrogate pair cannot be encoded, and would become another text.
    if (typeof field === "string" && !field.isWellFormed()) {
      throw new Refusal(400, "bad-request", `${name} is no Unicode text`);
    }
  }
  // Only names stand before a colon, since no value is an object. JSON.parse would
  // take the last of several, others the first.
  const strings = text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g);
  const given = strings.filter(([, colon]) => colon !== undefined).toArray();
  if (given.length === Object.keys(value).length) return;
  throw new Refusal(400, "bad-request", "A field is given more than once");
}

function typeOf(request: Request): string | undefined {
  const type = request.headers.get("content-type");
  return type?.split(";", 1)[0]?.trim().toLowerCase();
}

function wrongType(type: string, wanted: string): Refusal {
  return new Refusal(
    415,
    "unsupported-media-type",
    `Content-Type is ${
      type === "absent" ? type : JSON.stringify(type)
    }, must be ${wanted}`,
  );
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(
    413,
    "too-large",
    `The body is too large, must be at most ${maxBytes} bytes`,
  );
}
