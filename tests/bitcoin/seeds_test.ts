/** Asking DNS seeds. */
import { assertEquals, assertRejects } from "@std/assert";
import { type Resolver, seedAddresses } from "../../src/bitcoin/seeds.ts";
import { customSignet } from "../../src/bitcoin/networks.ts";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_SEED_ADDRESSES } from "../../src/bitcoin/bitcoin_limits.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

function failing(host: string): Promise<string[]> {
  const why = `Cannot resolve ${host}: the name does not resolve`;
  return Promise.reject(new VerackError("dns", why));
}

Deno.test("seedAddresses() gives every address once, with the network's port, as seeds answer", async () => {
  const second = Promise.withResolvers<string[]>();
  const resolve: Resolver = (host) =>
    host.endsWith("wiz.biz")
      ? Promise.resolve(["11.0.0.1", "11.0.0.2", "2a00::1"])
      : second.promise;
  const addresses = seedAddresses("testnet4", { resolve });
  const got: string[] = [];
  for await (const { host, port } of addresses) {
    got.push(`${host} ${port}`);
    if (got.length === 3) second.resolve(["11.0.0.2", "11.0.0.3"]);
  }
  assertEquals(got, [
    "11.0.0.1 48333",
    "11.0.0.2 48333",
    "2a00::1 48333",
    "11.0.0.3 48333",
  ]);
});

Deno.test("seedAddresses() stops at the count, and takes a bounded number of one seed", async () => {
  const many = Array.from(
    { length: 1_000 },
    (_, i) => `11.0.${i >> 8}.${i & 255}`,
  );
  const resolve = (): Promise<string[]> => Promise.resolve(many);
  const some = await Array.fromAsync(
    seedAddresses("signet", { resolve, count: 5 }),
  );
  assertEquals(some.length, 5);
  const all = await Array.fromAsync(seedAddresses("signet", { resolve }));
  assertEquals(all.length, MAX_SEED_ADDRESSES);
});

Deno.test("seedAddresses() goes on when a seed fails, and tells which", async () => {
  const failed: string[] = [];
  const addresses = await Array.fromAsync(seedAddresses("testnet4", {
    resolve: (host) =>
      host.endsWith("wiz.biz") ? Promise.resolve(["11.0.0.1"]) : failing(host),
    onFailure: (seed, message) => failed.push(`${seed}: ${message}`),
  }));
  assertEquals(addresses.length, 1);
  assertEquals(failed, [
    "seed.testnet4.bitcoin.sprovoost.nl: Cannot resolve seed.testnet4.bitcoin.sprovoost.nl: the name does not resolve",
  ]);
});

Deno.test("seedAddresses() throws dns when no seed answers", async () => {
  const error = await assertRejects(
    () => Array.fromAsync(seedAddresses("signet", { resolve: failing })),
    VerackError,
    "none of the 2 seeds of signet answered",
  );
  assertEquals(error.code, "dns");
});

Deno.test("seedAddresses() gives up a seed that does not answer", async () => {
  const clock = new VirtualClock();
  const failed: string[] = [];
  const asking = Array.fromAsync(seedAddresses("testnet4", {
    clock,
    resolve: (host, { signal }) =>
      host.endsWith("wiz.biz")
        ? Promise.resolve(["11.0.0.1"])
        : new Promise((_, reject) =>
          signal?.addEventListener(
            "abort",
            () => reject(new VerackError("timeout", "Cannot resolve: late")),
          )
        ),
    onFailure: (_, message) => failed.push(message),
  }));
  await clock.advance(10_000);
  assertEquals((await asking).length, 1);
  assertEquals(failed, ["Cannot resolve: late"]);
});

Deno.test("seedAddresses() throws what is wrong with us", async () => {
  const wrong = new VerackError(
    "permission",
    "Cannot resolve: add --allow-net",
  );
  const asking = seedAddresses("signet", {
    resolve: () => Promise.reject(wrong),
  });
  assertEquals(await assertRejects(() => asking.next()), wrong);
  for (const network of [customSignet("01020304"), "regtest"] as const) {
    const none = seedAddresses(
      typeof network === "string" ? network : { network },
    );
    await assertRejects(() => none.next(), RangeError, "has none");
  }
});

Deno.test("seedAddresses() rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const asking = Array.fromAsync(seedAddresses("signet", {
    signal: stop.signal,
    resolve: (_, { signal }) =>
      new Promise((_, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason))
      ),
  }));
  const reason = new Error("Enough");
  stop.abort(reason);
  assertEquals(await assertRejects(() => asking), reason);
});
