/**
 * Deno's own OpenTelemetry, as far as it is used here: `Deno.telemetry` has no types, and fails
 * at the first use unless the process was started with `OTEL_DENO=true`.
 */

/** Values of spans and of metrics by their names. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span, as OpenTelemetry's `Span`. */
export interface OtelSpan {
  setAttribute(name: string, value: string | number | boolean): void;
  /** 1 is success, 2 an error. */
  setStatus(status: { readonly code: 1 | 2; readonly message?: string }): void;
  end(): void;
}

/** What is active: OpenTelemetry's `Context`. */
export interface OtelContext {
  setValue(key: symbol, value: unknown): OtelContext;
}

/** OpenTelemetry's `Tracer`. */
export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number;
      readonly root: boolean;
      readonly attributes: Attributes;
    },
    context?: OtelContext,
  ): OtelSpan;
}

/** Reports values when metrics are exported. */
export type ObserveCallback = (
  result: { observe(value: number, attributes?: Attributes): void },
) => void;

/** A value that is read whenever metrics are exported: OpenTelemetry's `Observable`. */
export interface OtelObservable {
  addCallback(callback: ObserveCallback): void;
  removeCallback(callback: ObserveCallback): void;
}

/** How an instrument is made. */
export interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
  /** Of histograms. */
  readonly advice?: { readonly explicitBucketBoundaries: readonly number[] };
}

/** OpenTelemetry's `Meter`. */
export interface OtelMeter {
  createObservableCounter(
    name: string,
    options?: InstrumentOptions,
  ): OtelObservable;
  createObservableGauge(
    name: string,
    options?: InstrumentOptions,
  ): OtelObservable;
  createHistogram(
    name: string,
    options?: InstrumentOptions,
  ): { record(value: number): void };
}

/** `Deno.telemetry`. */
export interface Telemetry {
  readonly tracerProvider: {
    getTracer(name: string, version?: string): OtelTracer;
  };
  readonly meterProvider: {
    getMeter(name: string, version?: string): OtelMeter;
  };
  readonly contextManager: {
    active(): OtelContext;
    with<T>(context: OtelContext, work: () => T): T;
  };
}

let found: Telemetry | null | undefined;

/** Deno's OpenTelemetry; `undefined` in a process that was started without it. Looked for once. */
export function telemetry(): Telemetry | undefined {
  if (found === undefined) found = find();
  return found ?? undefined;
}

function find(): Telemetry | null {
  try {
    const { telemetry }: { readonly telemetry?: Telemetry } = Deno;
    const options = { kind: 0, root: true, attributes: {} };
    // A span that is not ended is not exported.
    telemetry?.tracerProvider.getTracer("verack").startSpan("probe", options);
    return telemetry ?? null;
  } catch {
    return null;
  }
}
