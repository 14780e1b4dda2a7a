/** Names of the files in a data directory: constants, whatever peers call themselves. */

/** What is in a data directory. */
export const DATA_FILES = {
  key: "node.key",
  certificate: "node.crt",
  database: "node.db",
  lock: "node.lock",
} as const;

/** Ends of the files that SQLite keeps beside a database while it is open. */
export const SIDE_FILE_ENDS = ["-wal", "-shm"] as const;
