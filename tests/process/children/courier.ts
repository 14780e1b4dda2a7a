/**
 * A node with a data directory that consumes messages, or sends numbered ones: prints on
 * standard output what it sends before it is sent, what it took before that is acked, and
 * what was acknowledged. Runs until it is killed.
 *
 * Arguments: directory, port, address to join through, and for a sender the
 * receiver's id and the first number.
 */
import { Node } from "../../../src/mesh/node.ts";
import { DataDirectory } from "../../../src/store/data_directory.ts";

const [path = "", port = "0", connect = "", to = "", first = "0"] = Deno.args;

/** Messages on their way at once; the test knows it too. */
const WINDOW = 32;

/** When everything is acknowledged, the next number waits for so long. */
const PAUSE_MS = 5;

const encoder = new TextEncoder();
function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

using data = await DataDirectory.open(path);
await using node = await Node.start({
  identity: data.identity,
  store: data.store,
  port: Number(port),
  connect: connect === "" ? [] : [`${to}@${connect}`],
});
say(`is ${node.identity.id} ${node.address}`);
if (to === "") {
  for await (const message of node.messages({ topic: "count" })) {
    say(`took ${message.text().replace(/^number (\d+)!$/, "$1")}`);
  }
}
let next = Number(first);
let ended = false;
// The parent ends the sending by closing our standard input.
Deno.stdin.read(new Uint8Array(1)).then(() => ended = true);
await Promise.all(
  Array.from({ length: WINDOW }, async () => {
    while (!ended) {
      const number = next++;
      say(`sent ${number}`);
      await node.send(to, `number ${number}!`, { topic: "count" });
      say(`acked ${number}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }),
);
say("ended");
await new Promise(() =>
  setInterval(() => say(`left ${node.outbox.messages}`), 50)
);
