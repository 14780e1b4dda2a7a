/**
 * Spans of what a node does, exported by Deno where the process was started with
 * `OTEL_DENO=true`. Elsewhere {@linkcode tracing} is false, which is all that it costs.
 *
 * Parents are given by the caller or are what is active there, as in a request handler; the
 * parts of a node make no span active, since what they start outlives the span.
 */
import { VERSION } from "../version.ts";
import { VerackError } from "./errors.ts";
import {
  type Attributes,
  type OtelContext,
  type OtelSpan,
  type OtelTracer,
  type Telemetry,
  telemetry,
} from "./telemetry.ts";

/** Longest text of an attribute: a peer id, a host name or a topic fits. */
const MAX_ATTRIBUTE_CHARS = 256;

/** The key of the active span, as `@opentelemetry/api` defines it. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");

/** The kinds of OpenTelemetry. */
const KINDS = { internal: 0, server: 1, client: 2, producer: 3 } as const;

/** What a span is for. */
export interface SpanOptions {
  readonly kind: keyof typeof KINDS;
  /** Never bodies of messages; texts are cut. */
  readonly attributes: Attributes;
  /** The span within which it is; `"none"` for what nothing active has caused. @default what is active */
  readonly parent?: Span | "none" | undefined;
  /** Codes of errors with which it ends without having failed. @default none */
  readonly harmless?: readonly string[];
}

let tracer: OtelTracer | null | undefined;

/** Whether spans are exported. Call it before the attributes of a span are made. */
export function tracing(): boolean {
  if (tracer === undefined) {
    tracer = telemetry()?.tracerProvider.getTracer("verack", VERSION) ?? null;
  }
  return tracer !== null;
}

/** Begins a span; `undefined` if none are exported. */
export function startSpan(
  name: string,
  { kind, attributes, parent, harmless = [] }: SpanOptions,
): Span | undefined {
  const deno = telemetry();
  if (!tracing() || !tracer || deno === undefined) return undefined;
  const options = {
    kind: KINDS[kind],
    root: parent === "none",
    attributes: bounded(attributes),
  };
  const context = parent instanceof Span ? parent.context : undefined;
  const span = tracer.startSpan(name, options, context);
  return new Span(deno, span, harmless);
}

/** Something that a node does, from its start to its end. */
export class Span {
  readonly #telemetry: Telemetry;
  readonly #span: OtelSpan;
  readonly #harmless: readonly string[];
  #ended = false;

  /** Use {@linkcode startSpan}. */
  constructor(
    telemetry: Telemetry,
    span: OtelSpan,
    harmless: readonly string[],
  ) {
    this.#telemetry = telemetry;
    this.#span = span;
    this.#harmless = harmless;
  }

  /** What is active, and this span in it. */
  get context(): OtelContext {
    const { contextManager } = this.#telemetry;
    return contextManager.active().setValue(SPAN_KEY, this.#span);
  }

  /** Runs `work`, and whatever it starts, with this span as the active one. */
  run<T>(work: () => T): T {
    return this.#telemetry.contextManager.with(this.context, work);
  }

  /** Sets an attribute. */
  set(name: string, value: string | number): void {
    this.#span.setAttribute(name, cut(value));
  }

  /** Marks it as failed, with the code of an error. */
  fail(code: string): void {
    this.set("error.type", code);
    this.#span.setStatus({ code: 2, message: `${cut(code)}` });
  }

  /** Ends it, once; with an error it has failed, unless that is harmless. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (error !== undefined) {
      // The message may have texts of peers.
      const code = error instanceof VerackError
        ? error.code
        : error instanceof Error
        ? error.name
        : "unknown";
      if (this.#harmless.includes(code)) this.set("verack.ended", code);
      else this.fail(code);
    }
    this.#span.end();
  }

  /** Ends it when a promise settles, which others handle. */
  endWith(promise: Promise<unknown>): void {
    promise.then(() => this.end(), (error) => this.end(error));
  }
}

function bounded(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, cut(value)]),
  );
}

function cut<T extends string | number | boolean>(value: T): T | string {
  return typeof value === "string"
    ? value.slice(0, MAX_ATTRIBUTE_CHARS).toWellFormed()
    : value;
}
