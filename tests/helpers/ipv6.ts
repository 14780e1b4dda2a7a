/** Whether tests can use IPv6 on this machine. */

/** Whether `::1` can be listened on. */
export function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
