/**
 * The sign-ins of the page: one-time codes, and the sessions that begin with one. All are in
 * memory, bounded and end with the process. Only hashes are kept, so that a dump of the memory
 * shows no secret that is still good.
 */
import { hash } from "node:crypto";
import type { Clock, Random } from "../core/clock.ts";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";
import {
  MAX_PAGE_CODES,
  MAX_PAGE_SESSIONS,
  PAGE_CODE_MS,
  PAGE_SECRET_BYTES,
  PAGE_SESSION_MS,
} from "./control_limits.ts";

/** A code that signs one browser in. */
export interface PageCode {
  readonly code: string;
  /** How long it can be used, milliseconds. */
  readonly lifetimeMs: number;
}

/**
 * What a browser gets when it signs in. Both are needed for each request: the cookie is sent to
 * all ports of the host, the key is readable by scripts of its origin.
 */
export interface PageSignIn {
  readonly cookie: string;
  readonly key: string;
  readonly lifetimeMs: number;
}

/** What a browser shows with a request. */
export interface PageCredentials {
  /** All cookies of the right name, as another port of the host can add some. */
  readonly cookies: readonly string[];
  readonly key: string;
}

/** One browser that is signed in. */
export interface PageSession {
  /** Aborts when the session ends, however it does. */
  readonly signal: AbortSignal;
}

interface Code {
  readonly hash: Uint8Array;
  readonly endsAt: number;
}

class Session implements PageSession {
  readonly #controller = new AbortController();
  readonly #cancel: () => void;
  readonly #hashes: readonly [cookie: Uint8Array, key: Uint8Array];

  constructor(
    { cookie, key, lifetimeMs }: PageSignIn,
    { clock, onEnd }: { readonly clock: Clock; readonly onEnd: () => void },
  ) {
    this.#hashes = [hashOf(cookie), hashOf(key)];
    this.#cancel = clock.after(lifetimeMs, () => {
      onEnd();
      this.end();
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  fits({ cookies, key }: PageCredentials): boolean {
    const [ofCookie, ofKey] = this.#hashes;
    const isKey = timingSafeEqual(hashOf(key), ofKey);
    let isCookie = false;
    for (const cookie of cookies) {
      isCookie = timingSafeEqual(hashOf(cookie), ofCookie) || isCookie;
    }
    return isKey && isCookie;
  }

  end(): void {
    this.#cancel();
    this.#controller.abort(new DOMException("signed out", "AbortError"));
  }
}

/** Codes and sessions of one server. */
export class PageSessions implements Disposable {
  readonly #clock: Clock;
  readonly #random: Random;
  /** Oldest first. */
  readonly #codes = new Set<Code>();
  /** The one used longest ago first. */
  readonly #sessions = new Set<Session>();

  constructor({ clock, random }: {
    readonly clock: Clock;
    readonly random: Random;
  }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** How many browsers are signed in. */
  get size(): number {
    return this.#sessions.size;
  }

  /** A new code. Of more than {@linkcode MAX_PAGE_CODES} the oldest ends. */
  issue(): PageCode {
    this.#dropCodes(MAX_PAGE_CODES - 1);
    const code = this.#secret();
    const endsAt = this.#clock.monotonic() + PAGE_CODE_MS;
    this.#codes.add({ hash: hashOf(code), endsAt });
    return { code, lifetimeMs: PAGE_CODE_MS };
  }

  /**
   * Signs a browser in, with secrets that are new whatever it had before; `undefined` if the
   * code is none that can be used. A wrong code costs the others nothing, so that guesses keep
   * none out. Of more than {@linkcode MAX_PAGE_SESSIONS} the one used longest ago ends.
   */
  signIn(code: string): PageSignIn | undefined {
    this.#dropCodes(MAX_PAGE_CODES);
    const given = hashOf(code);
    let found: Code | undefined;
    for (const it of this.#codes) {
      if (timingSafeEqual(it.hash, given)) found = it;
    }
    if (found === undefined) return undefined;
    this.#codes.delete(found);
    for (const session of this.#sessions) {
      if (this.#sessions.size < MAX_PAGE_SESSIONS) break;
      this.#end(session);
    }
    const signIn = {
      cookie: this.#secret(),
      key: this.#secret(),
      lifetimeMs: PAGE_SESSION_MS,
    };
    const session: Session = new Session(signIn, {
      clock: this.#clock,
      onEnd: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return signIn;
  }

  /** The session with both this cookie and this key. */
  find(credentials: PageCredentials): PageSession | undefined {
    let found: Session | undefined;
    for (const session of this.#sessions) {
      if (session.fits(credentials)) found = session;
    }
    if (found === undefined) return undefined;
    this.#sessions.delete(found);
    this.#sessions.add(found);
    return found;
  }

  /** Ends one session, or all and all codes. Returns how many sessions have ended. */
  signOut(which: PageSession | "all"): number {
    if (which === "all") this.#codes.clear();
    const ended = [...this.#sessions].filter((it) =>
      which === "all" || it === which
    );
    for (const session of ended) this.#end(session);
    return ended.length;
  }

  /** Ends everything. */
  [Symbol.dispose](): void {
    this.signOut("all");
  }

  #end(session: Session): void {
    this.#sessions.delete(session);
    session.end();
  }

  /** Drops codes that have ended, and the oldest beyond `most`. */
  #dropCodes(most: number): void {
    const now = this.#clock.monotonic();
    for (const code of this.#codes) {
      if (code.endsAt <= now || this.#codes.size > most) {
        this.#codes.delete(code);
      }
    }
  }

  #secret(): string {
    return this.#random.bytes(PAGE_SECRET_BYTES)
      .toBase64({ alphabet: "base64url", omitPadding: true });
  }
}

/** Compared in the place of secrets, so that the time depends on neither content nor length. */
function hashOf(secret: string): Uint8Array {
  return hash("sha256", secret, "buffer");
}
