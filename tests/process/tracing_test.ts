// What a process exports of its dials, messages and requests to an OpenTelemetry collector.
import { assert, assertEquals } from "@std/assert";
import { startSpan, tracing } from "../../src/core/tracing.ts";
import { Child } from "../helpers/child.ts";

const PAIR = new URL("children/traced_pair.ts", import.meta.url).href;
const SECRET = "a-body-that-is-in-no-span";

interface Exported {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: {
      readonly stringValue?: string;
      readonly intValue?: string | number;
      readonly doubleValue?: number;
    };
  }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface Batch {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly Exported[];
    }[];
  }[];
}

/** A span, as tests look at it. */
interface Seen extends Exported {
  readonly all: Readonly<Record<string, string | number | undefined>>;
  readonly begins: bigint;
  readonly ends: bigint;
}

/** Takes what a collector is sent. */
class Collector implements AsyncDisposable {
  readonly texts: string[] = [];
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      this.texts.push(`${request.url} ${await request.text()}`);
      return Response.json({});
    },
  );

  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
    };
  }

  /** All spans of this program. */
  get spans(): Seen[] {
    return this.texts.filter((text) => /^\S+\/v1\/traces /.test(text))
      .flatMap((text) => {
        const batch: Batch = JSON.parse(text.slice(text.indexOf(" ")));
        return batch.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans)
          .filter(({ scope }) => scope.name === "verack")
          .flatMap(({ spans }) => spans).map(seen);
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function seen(span: Exported): Seen {
  const all = Object.fromEntries(
    span.attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );
  const begins = BigInt(span.startTimeUnixNano);
  return { ...span, all, begins, ends: BigInt(span.endTimeUnixNano) };
}

async function run(collector?: Collector): Promise<string[]> {
  await using child = new Child(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-net=127.0.0.1",
    PAIR,
    SECRET,
  ], { ...(collector && { env: collector.env }) });
  assertEquals([await child.code(), child.err], [0, []]);
  return child.out;
}

Deno.test("a process with OTEL_DENO exports spans of dials, handshakes, messages and requests, with parents, errors and no bodies", async () => {
  await using collector = new Collector();
  assertEquals(await run(collector), [SECRET.toUpperCase(), "unknown-method"]);
  const { spans } = collector;
  const named = (name: string) => spans.filter((it) => it.name === name);
  const one = (name: string, fits: (span: Seen) => boolean = () => true) => {
    const found = named(name).filter(fits);
    assertEquals(found.length, 1, name);
    return found[0]!;
  };
  for (const { name, begins, ends } of spans) assert(ends > begins, name);

  const dial = one("dial", ({ status }) => status?.code !== 2);
  const outbound = one(
    "handshake",
    ({ all }) => all["verack.direction"] === "outbound",
  );
  assertEquals(outbound.parentSpanId, dial.spanId);
  assertEquals(outbound.traceId, dial.traceId);
  assert(dial.begins <= outbound.begins && outbound.ends <= dial.ends);
  assertEquals(dial.all["server.address"], "127.0.0.1");
  assertEquals(`${outbound.all["verack.peer.id"]}`.length, 64);
  const inbound = one(
    "handshake",
    ({ all }) =>
      all["verack.direction"] === "inbound" &&
      all["verack.peer.id"] !== undefined,
  );
  // Of the first connection, which fetched the certificate.
  one("handshake", ({ all }) => all["verack.ended"] === "closed");
  assert(named("handshake").every(({ status }) => status?.code !== 2));
  assert(!inbound.parentSpanId && inbound.traceId !== dial.traceId);

  const failed = named("dial").filter(({ status }) => status?.code === 2);
  assert(failed.length > 0);
  for (const { all, status } of failed) {
    assertEquals(all["error.type"], "connection-refused");
    assertEquals(status?.message, "connection-refused");
  }

  const sent = one(
    "send",
    ({ all }) => all["messaging.destination.name"] === "x".repeat(100),
  );
  assertEquals(sent.all["verack.peer.id"], outbound.all["verack.peer.id"]);
  assertEquals(one("broadcast").all["verack.peers"], 1);
  const request = one("request", ({ all }) => all["rpc.method"] === "shout");
  const serve = one("serve");
  assert(!serve.parentSpanId, "the wire carries no parent");
  assert(request.begins <= serve.begins && serve.ends <= request.ends);
  // What a handler does is within its request.
  const fromHandler = one(
    "send",
    ({ all }) => all["messaging.destination.name"] === "from-handler",
  );
  assertEquals(fromHandler.parentSpanId, serve.spanId);
  const refused = one("request", ({ all }) => all["rpc.method"] === "whisper");
  assertEquals(refused.all["error.type"], "unknown-method");

  for (const text of collector.texts) assert(!text.includes(SECRET));
});

Deno.test("a process without OTEL_DENO has no spans, and does the same", async () => {
  assertEquals(await run(), [SECRET.toUpperCase(), "unknown-method"]);
  if (Deno.env.get("OTEL_DENO") === "true") return;
  assertEquals(tracing(), false);
  const span = startSpan("x", { kind: "client", attributes: {} });
  assertEquals(span, undefined);
});
