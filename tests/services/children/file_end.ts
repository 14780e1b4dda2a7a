/**
 * One end of file transfers in a process of its own, which a test kills:
 *
 *     file_end.ts receive DATA CONNECT DIR
 *     file_end.ts send DATA CONNECT PEER PATH
 *
 * Says `id ID`, then each event of the transfer as a line of JSON, with the memory it has then.
 */
import { DataDirectory, Node } from "../../../mod.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";

const [role, data, connect, where, path] = Deno.args as [
  string,
  string,
  string,
  string,
  string | undefined,
];

using directory = await DataDirectory.open(data);
await using node = await Node.start({
  identity: directory.identity,
  store: directory.store,
  connect: [connect],
});
await node.joined();
console.log(`id ${node.identity.id}`);
const events = role === "receive"
  ? receiveFiles(node, { dir: where, accept: () => true })
  : sendFile(node, where, path!);
for await (const event of events) {
  const { rss } = Deno.memoryUsage();
  console.log(JSON.stringify({ ...event, rss }));
}
