/** Handles the requests that send and receive files. */
import type {
  FileOffer,
  FileProgress,
} from "../../services/files/file_progress.ts";
import type {
  fileEndpoints,
  fileOperations,
  FileRecord,
  ReceiveRecord,
} from "../api/file_endpoints.ts";
import { ApiError, badRequest } from "../guard.ts";
import type { HandlerContext, Handlers, OperationHandlers } from "./handler.ts";

/** Handlers of {@linkcode fileEndpoints} and {@linkcode fileOperations}. */
export function fileHandlers({ node }: HandlerContext): {
  readonly endpoints: Handlers<typeof fileEndpoints>;
  readonly operations: OperationHandlers<typeof fileOperations>;
} {
  const offers = new OpenOffers();
  return {
    endpoints: {
      decideOffer: ({ peer, transfer, accept }) => {
        offers.decide(keyOf({ peer, transfer }), accept);
        return { accepted: accept };
      },
    },
    operations: {
      sendFiles: async ({ to, paths, timeoutMs }, { signal }) => {
        const { sendFile } = await import("../../services/files/send_file.ts");
        try {
          return recordsOf(sendFile(node, to, paths, {
            signal,
            ...(timeoutMs !== undefined && { timeoutMs }),
          }));
        } catch (error) {
          // Paths that cannot be sent together.
          if (!(error instanceof TypeError)) throw error;
          throw badRequest(error.message);
        }
      },
      receiveFiles: async ({ accept, ...input }, { signal }) => {
        const { receiveFiles } = await import(
          "../../services/files/receive_files.ts"
        );
        const questions = new Questions(offers);
        try {
          const steps = receiveFiles(node, {
            ...input,
            signal,
            accept: accept === "all"
              ? () => true
              : (offer, { signal: withdrawn }) =>
                questions.ask(offer, AbortSignal.any([signal, withdrawn])),
          });
          return questions.mergedWith(recordsOf(steps));
        } catch (error) {
          // The one misuse that a client cannot see before.
          if (!(error instanceof TypeError)) throw error;
          throw new ApiError(
            409,
            "conflict",
            "Cannot receive files: this node receives files already, must end that first",
          );
        }
      },
    },
  };
}

/** The types of steps one by one, as the schema has them. */
function recordsOf(
  steps: AsyncIterableIterator<FileProgress>,
): AsyncIterableIterator<FileRecord> {
  return steps as AsyncIterableIterator<FileRecord>;
}

/** The offers of all operations that wait for a decision. */
class OpenOffers {
  readonly #waiting = new Map<string, (accept: boolean) => void>();

  /** Resolves with the decision; rejects when `signal` aborts. */
  wait(key: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#waiting.delete(key);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(key, (accept) => {
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(key);
        resolve(accept);
      });
    });
  }

  decide(key: string, accept: boolean): void {
    const decide = this.#waiting.get(key);
    if (decide === undefined) {
      throw new ApiError(
        404,
        "not-found",
        "No offer of that peer and transfer waits for a decision",
      );
    }
    decide(accept);
  }
}

function keyOf({ peer, transfer }: Pick<FileOffer, "peer" | "transfer">) {
  return `${peer} ${transfer}`;
}

/** Adds the offers that need a decision to the steps of one operation. */
class Questions {
  readonly #offers: OpenOffers;
  /** At most two for each offer, of which the service has a bounded number. */
  readonly #records: ReceiveRecord[] = [{ type: "ready" }];
  #wake: () => void = () => {};

  constructor(offers: OpenOffers) {
    this.#offers = offers;
  }

  /** Resolves with the client's decision; rejects when `signal` aborts. */
  async ask(offer: FileOffer, signal: AbortSignal): Promise<boolean> {
    const { peer, transfer } = offer;
    this.#push({ type: "ask", ...offer });
    try {
      return await this.#offers.wait(keyOf(offer), signal);
    } catch (error) {
      this.#push({ type: "withdrawn", peer, transfer });
      throw error;
    }
  }

  async *mergedWith(
    steps: AsyncIterableIterator<FileRecord>,
  ): AsyncGenerator<ReceiveRecord> {
    try {
      let next: Promise<IteratorResult<FileRecord>> | undefined;
      let settled = false;
      while (true) {
        const record = this.#records.shift();
        if (record !== undefined) {
          yield record;
          continue;
        }
        if (next === undefined) {
          settled = false;
          const settle = () => {
            settled = true;
            this.#wake();
          };
          next = steps.next();
          next.then(settle, settle);
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (settled || this.#records.length > 0) resolve();
        });
        if (!settled) continue;
        const { done, value } = await next;
        next = undefined;
        if (done) return;
        yield value;
      }
    } finally {
      await steps.return?.();
    }
  }

  #push(record: ReceiveRecord): void {
    this.#records.push(record);
    this.#wake();
  }
}
