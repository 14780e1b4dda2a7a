/** Walks a network. */
import type { CrawlEvent, CrawlOptions } from "./crawl_options.ts";

export type {
  CrawlEvent,
  CrawlHeard,
  CrawlNode,
  CrawlOptions,
  CrawlSummary,
} from "./crawl_options.ts";

/** Walks a network. */
// deno-lint-ignore require-yield
export async function* crawl(
  _options: CrawlOptions = {},
): AsyncGenerator<CrawlEvent, void, void> {
  await Promise.reject(new TypeError("Cannot crawl yet"));
}
