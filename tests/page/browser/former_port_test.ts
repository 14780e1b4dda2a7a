/** What a program that had the port before left in the browser. */
import { assertEquals } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { openPort } from "../../../src/control/control_listeners.ts";
import { ControlServer } from "../../../src/control/control_server.ts";
import { Node } from "../../../src/mesh/node.ts";
import { browserTest } from "../../helpers/browser.ts";
import { TOKEN } from "../../helpers/control.ts";

const WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (event.request.mode !== "navigate") return;
    event.respondWith(new Response("<title>former</title>", {
      headers: { "content-type": "text/html" },
    }));
  });`;

const REGISTER = `<title></title><script>
  navigator.serviceWorker.register("/app/worker.js", { scope: "/" })
    .then(() => navigator.serviceWorker.ready)
    .then(() => document.title = "ready");
</script>`;

browserTest(
  "a service worker that another program left at the port is removed, and the page shows instead",
  async (browser) => {
    const former = Deno.serve({
      port: 0,
      hostname: "127.0.0.1",
      onListen: () => {},
    }, ({ url }) =>
      url.endsWith("/app/worker.js")
        ? new Response(WORKER, {
          headers: {
            "content-type": "text/javascript",
            "service-worker-allowed": "/",
          },
        })
        : new Response(REGISTER, { headers: { "content-type": "text/html" } }));
    const { port } = former.addr;
    const origin = `http://127.0.0.1:${port}`;
    const { page } = await browser.open(`${origin}/`, {
      // The icon of the page that the worker made.
      expected: [/status of 401/],
    });
    await page.waitForFunction(`document.title === "ready"`);
    await page.goto("about:blank");
    await former.shutdown();

    await using node = await Node.start({ name: "alice" });
    const options = { node, clock: systemClock, onStop: () => {} };
    await using server = new ControlServer(options);
    const address = { host: "127.0.0.1", port };
    await openPort(server, { address, token: TOKEN, clock: systemClock });
    await page.goto(`${origin}/`);
    await page.getByRole("heading", { name: "This page is locked" }).waitFor();
    const count = "navigator.serviceWorker.getRegistrations()" +
      ".then((it) => it.length)";
    assertEquals(await page.evaluate(count), 0);
    await page.close();
  },
);
