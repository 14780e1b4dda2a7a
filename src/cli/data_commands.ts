/**
 * How commands reach what a node remembers. The one place that decides who answers:
 * the data directory itself, which is locked meanwhile, as long as no node uses it.
 */
import { openStore } from "../store/data_directory.ts";
import { Records } from "../store/records.ts";

/**
 * Runs `use` on the records of a data directory.
 *
 * @throws {VerackError} `data-in-use` while a node runs on it; else as `openStore`.
 */
export function withRecords<T>(
  directory: string,
  use: (records: Records) => T,
): T {
  using opened = openStore(directory);
  return use(new Records(opened.store));
}
