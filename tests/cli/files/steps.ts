/** Steps of a transfer for tests. */
import type { FileRecord } from "../../../src/control/api/file_endpoints.ts";
import { parsePeerId } from "../../../src/core/peer_id.ts";

/** A step with these fields, and others that do not matter. */
export function stepOf<T extends FileRecord["type"]>(
  type: T,
  fields: Partial<Omit<FileRecord, "type">> = {},
): Extract<FileRecord, { readonly type: T }> {
  return {
    type,
    transfer: "ab".repeat(16),
    peer: parsePeerId("0".repeat(64)),
    path: "photo.jpg",
    file: 1,
    files: 1,
    bytes: 0,
    total: 0,
    allBytes: 0,
    allTotal: 0,
    ...fields,
  } as Extract<FileRecord, { readonly type: T }>;
}
