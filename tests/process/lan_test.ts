/** Discovery on the local network: real processes on hosts of one Ethernet, real multicast. */
import { type Child, verack } from "../helpers/child.ts";
import {
  type Host,
  HostNetwork,
  whyNoHosts,
} from "../helpers/network/host_network.ts";
import { testIf } from "../helpers/test_if.ts";

const why = whyNoHosts();
const test = testIf(why === undefined);
const reason = why === undefined ? "" : ` (${why})`;

/** What `deno task verack` grants beside the network. */
const PERMISSIONS = ["--allow-sys=networkInterfaces"];

function startOn(host: Host, ...args: string[]): Child {
  return verack(args, {
    stdin: "open",
    permissions: PERMISSIONS,
    launcher: host.network.launcher,
  });
}

/** A chat, as two people have it. */
function chatOn(host: Host, name: string, ...args: string[]): Child {
  return startOn(host, "chat", `--name=${name}`, "--discover", ...args);
}

test(`two chats on one network find each other by --discover alone, and talk${reason}`, async () => {
  using network = new HostNetwork(2);
  const [one, two] = network.hosts as [Host, Host];
  await using alice = chatOn(one, "alice");
  await using bob = chatOn(two, "bob");
  await bob.write("hello\n");
  await alice.line((line) => line.includes("bob") && line.includes("hello"));
});
