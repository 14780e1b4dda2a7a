/** What a control server has for the page: its files, its address and its sign-ins. */
import type { Clock, Random } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { pageFile } from "../page/page_files.ts";
import { PageAccess } from "./page_access.ts";
import { pageResponse } from "./page_responses.ts";
import { PageSessions } from "./page_sessions.ts";

/** Options of {@linkcode PageServer}. */
export interface PageServerOptions {
  /** Of the node. */
  readonly id: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  /** Opens a port for the page, and returns the address of the page there. */
  readonly open: (() => Promise<string>) | undefined;
}

/** A one-time address of the page. */
export interface PageLink {
  readonly url: string;
  readonly expiresAt: Date;
}

/** Serves the page of one node. */
export class PageServer implements Disposable {
  readonly sessions: PageSessions;
  readonly #options: PageServerOptions;
  #files: Promise<typeof pageFile> | undefined;
  #opened: Promise<string> | undefined;
  #url: string | undefined;

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.sessions = new PageSessions(options);
  }

  /** Its address, once a port is open. */
  get url(): string | undefined {
    return this.#url;
  }

  /** The sign-ins of a port, for its guard. */
  access({ isSecure }: { readonly isSecure: boolean }): PageAccess {
    return new PageAccess(this.sessions, { id: this.#options.id, isSecure });
  }

  /** Sets the address of the page, for one-time addresses and `status`. */
  announce(url: string): void {
    this.#url = url;
    this.#opened = Promise.resolve(url);
  }

  /**
   * A new one-time address.
   *
   * @param origin By which the page is reached. @default that of the first port, which is
   * opened if there is none
   * @throws {VerackError} `unsupported` where there can be no port; what opening one throws.
   */
  async link(origin?: string): Promise<PageLink> {
    const base = origin ?? await this.#open();
    const { code, lifetimeMs } = this.sessions.issue();
    // Behind the hash: browsers send that to no server, and none logs it.
    const url = `${new URL("/", base)}#${code}`;
    const expiresAt = new Date(this.#options.clock.now() + lifetimeMs);
    return { url, expiresAt };
  }

  /** Loads the files: when a port is opened, as later there may be no file descriptor. */
  load(): Promise<typeof pageFile> {
    return this.#files ??= import("../page/page_files.ts").then(
      ({ pageFile }) => pageFile,
      (error) => {
        this.#files = undefined;
        throw error;
      },
    );
  }

  /** Resolves when files that are being loaded are. */
  async loaded(): Promise<void> {
    await this.#files?.catch(() => {});
  }

  /** The response to a request for a file. */
  async respond(request: Request): Promise<Response> {
    return pageResponse(request, await this.load());
  }

  /** Ends all sign-ins. */
  [Symbol.dispose](): void {
    this.sessions[Symbol.dispose]();
  }

  #open(): Promise<string> {
    const { open } = this.#options;
    if (this.#opened !== undefined) return this.#opened;
    if (open === undefined) {
      const text = "Cannot show the page: this node serves no port";
      return Promise.reject(new VerackError("unsupported", text));
    }
    return this.#opened = open().then((url) => this.#url = url)
      .catch((error) => {
        this.#opened = undefined;
        throw error;
      });
  }
}

/** Ends a stream with the sign-in of its browser; other responses are complete by then. */
export function endWith(response: Response, signal: AbortSignal): Response {
  const { body, headers, status } = response;
  if (body === null || headers.has("content-length")) return response;
  const ending = new TransformStream<Uint8Array, Uint8Array>();
  return new Response(body.pipeThrough(ending, { signal }), {
    headers,
    status,
  });
}
