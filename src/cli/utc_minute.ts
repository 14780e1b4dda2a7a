/** How lists show a time; events of a running node have the local one. */

/** An ISO 8601 time to the minute, `2026-11-29 21:52Z`: in UTC, as it sorts. */
export function utcMinute(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")}Z`;
}
