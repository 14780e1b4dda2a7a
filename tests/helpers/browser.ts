/**
 * Chromium as tests and screenshots want it: found, started without the network, closed fully,
 * and every page watched for what it must not do. Playwright drives a Chromium that is installed;
 * none is downloaded.
 */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { assertEquals } from "@std/assert";

/** Longer than a busy machine takes to start a browser, or to show anything. */
const WAIT_MS = 60_000;

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The program of Chromium: `VERACK_CHROMIUM`, or the first of its names in `PATH`. */
export const CHROMIUM: string | undefined = find();

function find(): string | undefined {
  const given = Deno.env.get("VERACK_CHROMIUM") ?? "";
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const paths = given !== ""
    ? [given]
    : NAMES.flatMap((name) =>
      folders.filter((folder) => folder !== "").map((folder) =>
        `${folder}/${name}`
      )
    );
  const found = paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (found === undefined) {
    console.log(
      "skipped: no Chromium here (install chromium, or name it in VERACK_CHROMIUM)",
    );
  }
  return found;
}

/**
 * Chromium resolves no name, so that neither a page nor the browser itself can reach another
 * host; the messages of a page about one are faults all the same.
 */
const SWITCHES = [
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  "--disable-dev-shm-usage",
  "--disable-component-update",
  "--no-first-run",
];

/** Root has no sandbox of Chromium, and neither have some containers, which is found out once. */
let hasSandbox = Deno.build.os !== "linux" || Deno.uid() !== 0;

async function launch(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  const start = (chromiumSandbox: boolean) =>
    chromium.launch({
      ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
      args: [...SWITCHES],
      chromiumSandbox,
      timeout: WAIT_MS,
      // Signals are for the tests.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  if (!hasSandbox) return await start(false);
  try {
    return await start(true);
  } catch {
    hasSandbox = false;
    return await start(false);
  }
}

/** How a page is opened. */
export interface OpenOptions extends BrowserContextOptions {
  /** Messages of the console that are no faults, as those of a node that is gone. */
  readonly expected?: readonly RegExp[];
  /** The time of the page goes on as usual, but a test can advance it. */
  readonly installClock?: boolean;
}

/** A page of a browser with nothing stored, and what it did. */
export interface WatchedPage {
  readonly page: Page;
  /** The address of every request. */
  readonly requests: readonly string[];
  /** Exceptions, violations of its policy, and errors and warnings of its console. */
  readonly faults: readonly string[];
}

/** A process of Chromium. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #opened: WatchedPage[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    return new TestBrowser(await launch());
  }

  /** All pages that were opened. */
  get opened(): readonly WatchedPage[] {
    return this.#opened;
  }

  /** Opens `url` in a page that shares nothing with the others, on a screen of 1280 by 800. */
  async open(url: string, options: OpenOptions = {}): Promise<WatchedPage> {
    const { expected = [], installClock = false, ...settings } = options;
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...settings,
    });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    if (installClock) await page.clock.install();
    const requests: string[] = [];
    const faults: string[] = [];
    const fault = (text: string) => {
      if (!expected.some((it) => it.test(text))) faults.push(text);
    };
    page.on("request", (request) => requests.push(request.url()));
    page.on("pageerror", (error) => fault(`exception: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        fault(`${message.type()}: ${message.text()}`);
      }
    });
    // The console has most violations; those of frames and workers come as events only.
    await page.addInitScript(
      `addEventListener("securitypolicyviolation", (it) =>
        console.error("violates " + it.effectiveDirective + ": " + it.blockedURI));`,
    );
    const watched = { page, requests, faults };
    this.#opened.push(watched);
    await page.goto(url, { timeout: WAIT_MS });
    return watched;
  }

  /** Closes all pages and ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#browser.contexts().map((it) => it.close()));
    await this.#browser.close();
  }
}

/** The addresses of `requests` that are not on this machine. */
export function elsewhere(requests: readonly string[]): string[] {
  return requests.filter((url) => {
    const { protocol, hostname } = new URL(url);
    return !["data:", "blob:", "file:"].includes(protocol) &&
      hostname !== "127.0.0.1";
  });
}

/** Fails if a page asked another host, threw, or violated its policy. */
export function assertNoFault({ requests, faults }: WatchedPage): void {
  assertEquals(elsewhere(requests), []);
  assertEquals(faults, []);
}

/**
 * A test with a browser of its own; its pages may neither contact another host nor throw nor
 * violate their policy. Ignored without Chromium.
 */
export function browserTest(
  name: string,
  fn: (browser: TestBrowser) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: CHROMIUM === undefined,
    fn: async () => {
      await using browser = await TestBrowser.start();
      await fn(browser);
      browser.opened.forEach(assertNoFault);
    },
  });
}
