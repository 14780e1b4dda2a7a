/**
 * Listens, and has no descriptor left from then on until Deno has set up its signals, half a second
 * after its start. Prints a line if it is still there.
 */
import { tcpTransport } from "../../../src/transport/tcp.ts";

const listener = await tcpTransport().listen(
  { host: "127.0.0.1", port: 0 },
  {},
);
const files: Deno.FsFile[] = [];
try {
  for (;;) files.push(Deno.openSync("/dev/null"));
} catch {
  // None is left.
}
await new Promise((resolve) => setTimeout(resolve, 800));
for (const file of files) file.close();
listener.close();
console.log("alive");
