/**
 * Two nodes and a forwarded port: a page of one machine, read at another, through their session.
 * And the other way round: a port at the peer that leads here.
 *
 *     deno run -A examples/tunnel.ts
 */
import { Node } from "../mod.ts";
import { allowForwarding, forward } from "../src/services/mod.ts";

await using office = await Node.start({ name: "office" });
await using laptop = await Node.start({
  name: "laptop",
  connect: [office.address],
});
await laptop.joined();

// A web server that only the machine of the office can reach.
await using web = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  ({ url }) => new Response(`the page ${new URL(url).pathname}`),
);
const page = `127.0.0.1:${web.addr.port}`;

// The office allows this one address, to this one peer. Nothing else is reachable.
using allowed = allowForwarding(office, {
  connect: [{ address: page, from: laptop.identity.id }],
  listen: [{ address: "0", from: laptop.identity.id }],
});

// Any free port of the laptop leads there.
{
  await using tunnel = await forward(laptop, {
    listen: "0",
    peer: "office",
    to: page,
  });
  const answers = ["/a", "/b", "/c"].map(async (path) => {
    const answer = await fetch(`http://${tunnel.address}${path}`);
    return await answer.text();
  });
  for (const text of await Promise.all(answers)) console.log(text);
}

// A port that is not allowed: the connection is closed, and an event says why.
{
  await using tunnel = await forward(laptop, {
    listen: "0",
    peer: "office",
    to: "127.0.0.1:22",
  });
  await fetch(`http://${tunnel.address}/`).catch(() => {});
  for await (const event of tunnel) {
    if (event.type !== "refused") continue;
    console.log(event.code);
    break;
  }
}

// In reverse, a port of the office leads to the laptop.
{
  await using tunnel = await forward(laptop, {
    listen: "0",
    peer: "office",
    to: page,
    reverse: true,
  });
  const answer = await fetch(`http://${tunnel.address}/reverse`);
  console.log(await answer.text());
}
console.log(`${allowed.counters.refused} refused`);
