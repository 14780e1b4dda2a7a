/**
 * Drops what a database has of all senders but some. There may be millions of rows
 * of them, which is as many as a node once kept, and it is to start in seconds.
 */
import type { PeerId } from "../identity/identity.ts";
import type { Database } from "./database.ts";
import { LISTED } from "./rows.ts";

/** Drops seen ids and delivery counts of all senders but those in `keep`. */
export function trimSenders(
  database: Database,
  keep: readonly PeerId[],
): void {
  const listed = JSON.stringify(keep);
  const count = (sql: string, ...values: string[]) =>
    Number(database.prepare(sql).get(...values)?.count);
  const all = count("SELECT count(*) AS count FROM seen");
  const kept = count(
    `SELECT count(*) AS count FROM seen WHERE sender IN ${LISTED}`,
    listed,
  );
  const run = (sql: string, ...values: string[]) =>
    database.prepare(sql).run(...values);
  database.atomic(() => {
    run(`DELETE FROM attempts WHERE sender NOT IN ${LISTED}`, listed);
    if (all - kept <= kept) {
      run(`DELETE FROM seen WHERE sender NOT IN ${LISTED}`, listed);
      return;
    }
    // To empty the table is one step, to delete most of its rows one for each.
    run("DROP TABLE IF EXISTS temp.kept_seen");
    run(
      `CREATE TEMP TABLE kept_seen AS
         SELECT * FROM seen WHERE sender IN ${LISTED} ORDER BY position`,
      listed,
    );
    run("DELETE FROM seen");
    run("INSERT INTO seen SELECT * FROM temp.kept_seen");
    run("DROP TABLE temp.kept_seen");
  });
}
