/**
 * One handshake by one of `initiators.mjs`, then one ping:
 * `node initiate.mjs FOLDER PACKAGE HOST PORT`. Prints what it saw as JSON, a line
 * each: every message, `open` with whom it met, `pong`, or `error`.
 */
import process from "node:process";
import { loadInitiator } from "./initiators.mjs";

const [folder, name, host, port] = process.argv.slice(2);
const say = (event, fields = {}) =>
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");

let answered = () => {};
const pong = new Promise((resolve) => {
  answered = resolve;
});
try {
  const open = loadInitiator(folder, name);
  const session = await open(host, Number(port), (command) => {
    say("message", { command });
    if (command === "pong") answered();
  });
  say("open", session.met);
  session.ping();
  await pong;
  say("pong");
  session.close();
} catch (error) {
  say("error", { message: error.message });
}
process.exit(0);
