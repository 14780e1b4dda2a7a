/** A name server on this machine that answers questions about SRV records (RFC 1035, RFC 2782). */
import { createSocket, type Socket } from "node:dgram";
import type { ServiceRecord } from "../../src/transport/service_records.ts";

const CNAME = 5;
const SRV = 33;
const INTERNET = 1;
/** A response, authoritative, recursion available. */
const ANSWERED = 0x8580;
const NO_SUCH_NAME = 3;

/** What it answers; a name that it has nothing of does not exist. */
export class NameServer implements AsyncDisposable {
  readonly records = new Map<string, readonly ServiceRecord[]>();
  /** Names that stand for others; an answer about SRV records has those of the other, too. */
  readonly aliases = new Map<string, string>();
  /** Names asked for, in order. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (question: Uint8Array, { port, address }) => {
      socket.send(this.#answer(question), port, address);
    });
  }

  static async start(
    records: Readonly<Record<string, readonly ServiceRecord[]>> = {},
  ): Promise<NameServer> {
    const socket = createSocket("udp4");
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.bind(0, "127.0.0.1", () => resolve());
    await promise;
    const server = new NameServer(socket);
    for (const [name, all] of Object.entries(records)) {
      server.records.set(name, all);
    }
    return server;
  }

  /** Its address, for `Deno.resolveDns`. */
  get nameServer(): { readonly ipAddr: string; readonly port: number } {
    return { ipAddr: "127.0.0.1", port: this.#socket.address().port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #answer(question: Uint8Array): Uint8Array {
    const end = question.indexOf(0, 12) + 5;
    const name = nameAt(question, 12);
    this.asked.push(name);
    const alias = this.aliases.get(name);
    const isAboutAlias = question[end - 3] === CNAME;
    const records = isAboutAlias && alias === undefined
      ? undefined
      : this.records.get(alias ?? name) ??
        (alias === undefined ? undefined : []);
    const answers = [
      ...(alias === undefined ? [] : [aliasOf(alias)]),
      ...(isAboutAlias ? [] : records ?? []).map((it) => answerOf(it, alias)),
    ];
    const head = new DataView(new ArrayBuffer(12));
    head.setUint16(0, question[0]! << 8 | question[1]!);
    head.setUint16(2, ANSWERED | (records === undefined ? NO_SUCH_NAME : 0));
    head.setUint16(4, 1);
    head.setUint16(6, answers.length);
    return Uint8Array.from([
      ...new Uint8Array(head.buffer),
      ...question.subarray(12, end),
      ...answers.flat(),
    ]);
  }
}

function nameAt(bytes: Uint8Array, at: number): string {
  const labels: string[] = [];
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(
      new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + length)),
    );
    at += 1 + length;
  }
  return labels.join(".").toLowerCase();
}

const POINTER = [0xc0, 12];
const TTL = [0, 0, 0, 0];

function bytesOf(name: string): number[] {
  const labels = name.split(".").filter((it) => it !== "");
  return [
    ...labels.flatMap((it) => [it.length, ...new TextEncoder().encode(it)]),
    0,
  ];
}

/** One SRV record about the name in the question, or the one that it stands for. */
function answerOf(
  { priority, weight, port, target }: ServiceRecord,
  alias: string | undefined,
): number[] {
  const data = [
    ...[priority, weight, port].flatMap((it) => [it >> 8, it & 0xff]),
    ...bytesOf(target),
  ];
  const owner = alias === undefined ? POINTER : bytesOf(alias);
  return [...owner, 0, SRV, 0, INTERNET, ...TTL, 0, data.length, ...data];
}

/** The record that says for which name the one in the question stands. */
function aliasOf(name: string): number[] {
  const data = bytesOf(name);
  return [...POINTER, 0, CNAME, 0, INTERNET, ...TTL, 0, data.length, ...data];
}
