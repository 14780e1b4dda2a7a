/** A browser as the page of a node has it: one cookie jar for all ports of a host, and keys by origin. */

/** How a request is sent beside what the browser adds. */
export interface PageRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Which of its two secrets it shows. @default both */
  readonly shows?: "both" | "cookie" | "key";
}

/** What it has of one node. */
export class PageBrowser {
  /** By name, as it is sent to any port of the host. */
  readonly cookies: Map<string, string> = new Map();
  /** As in `localStorage` of the origin. */
  key: string | undefined;
  /** The whole `Set-Cookie` of the last sign-in or sign-out. */
  setCookie = "";
  readonly origin: string;
  readonly #client: Deno.HttpClient | undefined;

  constructor(origin: string, client?: Deno.HttpClient) {
    this.origin = origin;
    this.#client = client;
  }

  /** The value of `Cookie`. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`)
      .join("; ");
  }

  /** Follows a one-time address, as the page does. */
  async visit(url: string): Promise<Response> {
    return await this.signIn(new URL(url).hash.slice(1));
  }

  /** Signs in with a code. */
  async signIn(code: string): Promise<Response> {
    const path = "/v1/page/sign-in";
    const response = await this.fetch(path, { body: { code } });
    if (response.ok) this.key = (await response.clone().json()).key;
    return response;
  }

  /** A request as a script of the page sends it; `POST` if it has a body. */
  async fetch(path: string, request: PageRequest = {}): Promise<Response> {
    const { body, headers: more, shows = "both" } = request;
    const { method = body === undefined ? "GET" : "POST" } = request;
    const headers = new Headers({
      "sec-fetch-site": "same-origin",
      "sec-fetch-mode": "cors",
      "sec-fetch-dest": "empty",
      ...(method === "POST" && { origin: this.origin }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(shows !== "key" && this.cookie !== "" && { cookie: this.cookie }),
      ...(shows !== "cookie" && this.key !== undefined &&
        { "verack-page-key": this.key }),
      ...more,
    });
    const response = await fetch(`${this.origin}${path}`, {
      method,
      headers,
      redirect: "manual",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(this.#client && { client: this.#client }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  /** The status of a request; its body does not matter. */
  async status(path: string, request: PageRequest = {}): Promise<number> {
    const response = await this.fetch(path, request);
    await response.body?.cancel();
    return response.status;
  }

  #keep(line: string): void {
    this.setCookie = line;
    const [pair = ""] = line.split(";");
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (/;\s*Max-Age=0\b/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
