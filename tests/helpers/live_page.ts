/** The page of a node in a browser that is signed in, and what it shows. */
import type { Locator, Page } from "playwright-core";
import { assertEquals } from "@std/assert";
import type { OpenOptions, TestBrowser, WatchedPage } from "./browser.ts";
import { until } from "./until.ts";

/** What the console says while a node is gone. */
export const NODE_GONE: readonly RegExp[] = [
  /^error: Failed to load resource: net::ERR_(CONNECTION|INCOMPLETE|EMPTY|SOCKET)/,
  /^error: .*net::ERR_(CONNECTION|INCOMPLETE|EMPTY|SOCKET)/,
];

/** A page that is signed in; closed before its node when both are disposed of in turn. */
export class LivePage implements AsyncDisposable {
  readonly watched: WatchedPage;
  readonly page: Page;

  private constructor(watched: WatchedPage) {
    this.watched = watched;
    this.page = watched.page;
  }

  /** Opens a one-time address, and waits until the page is up to date. */
  static async open(
    browser: TestBrowser,
    link: string,
    options: OpenOptions = {},
  ): Promise<LivePage> {
    const live = new LivePage(await browser.open(link, options));
    await live.isLive();
    return live;
  }

  get header(): Locator {
    return this.page.locator("#header");
  }

  async isLive(): Promise<void> {
    await this.header.getByText("live", { exact: true }).waitFor();
  }

  /** The row of a peer in the table. */
  row(id: string): Locator {
    return this.page.locator(`#peers tr[data-id="${id}"]`);
  }

  /** The text of a cell, by the key of its column. */
  async cell(id: string, column: string): Promise<string> {
    return (await this.row(id).locator(`.col-${column}`).innerText()).trim();
  }

  /** A peer in the picture. */
  node(id: string): Locator {
    return this.page.locator(`#mesh [data-id="${id}"].node`);
  }

  /** The label of a peer, or of this node, in the picture. */
  label(text: string): Locator {
    return this.page.locator("#mesh svg .labels tspan")
      .getByText(text, { exact: true });
  }

  /** The sentences of the time line, newest first. */
  async timeline(): Promise<string[]> {
    const entries = await this.page.locator("#timeline li.event")
      .allTextContents();
    return entries.map((it) => it.replaceAll(/\s+/g, " "));
  }

  /** The exact value of a figure of the tiles. */
  async figure(key: string): Promise<number> {
    const value = this.page.locator(`#counters [data-figure="${key}"]`);
    return Number(await value.getAttribute("data-value"));
  }

  /** Waits until a text is what it should be. */
  async shows(
    what: string,
    read: () => Promise<unknown>,
    wanted: unknown,
  ): Promise<void> {
    let last: unknown;
    try {
      await until(
        what,
        async () =>
          JSON.stringify(last = await read()) === JSON.stringify(wanted),
      );
    } catch {
      assertEquals(last, wanted, what);
    }
  }

  /** Waits until the state of a peer in the table is this. */
  async peerIs(id: string, state: string): Promise<void> {
    const shown = this.row(id).locator(".col-state .state");
    await this.shows(`${id} as ${state}`, () => shown.innerText(), state);
  }

  /** Waits until an entry of the time line fits. */
  async hasHappened(entry: RegExp): Promise<void> {
    try {
      await until(
        `${entry}`,
        async () => (await this.timeline()).some((it) => entry.test(it)),
        20_000,
      );
    } catch (error) {
      throw new Error(
        `${error}; there are:\n${(await this.timeline()).join("\n")}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}
