// The systemd units under a real systemd, in namespaces: with all their restrictions.
import { assert, assertEquals } from "@std/assert";
import { until } from "../helpers/until.ts";
import { readDeploy } from "./documents.ts";
import { Image, whyNoImage } from "./image.ts";
import { SmallSystemd, whyNoSystemd } from "./small_systemd.ts";

const why = whyNoImage() ?? whyNoSystemd();

/** As docs/operations.md says. */
const CREDENTIAL = "[Service]\nLoadCredential=network:/etc/verack/network\n";

function settings(unit: string, flags: string): string {
  const secret = `/run/credentials/${unit}.service/network`;
  return `VERACK_ARGS=--secret-file ${secret} ${flags}\n`;
}

Deno.test({
  name:
    `two nodes run by the units under systemd meet, one is started again when it is killed, and both stop without a failure${
      why === undefined ? "" : ` (${why})`
    }`,
  ignore: why !== undefined,
  async fn() {
    await using image = await Image.build();
    // In the place of the compiled program, which has its packages in it.
    image.program(
      readDeploy("docker/verack")
        .replace("exec deno", "exec env DENO_DIR=/opt/verack/cache deno")
        .replace("--allow-write=/data", "--allow-write=/var/lib"),
    );
    await using systemd = await SmallSystemd.start({
      opt: image.path("/opt"),
      local: image.path("/usr/local"),
      units: {
        "verack.service": readDeploy("systemd/verack.service"),
        "verack@.service": readDeploy("systemd/verack@.service"),
        "verack.service.d/network.conf": CREDENTIAL,
        "verack@.service.d/network.conf": CREDENTIAL,
      },
      settings: {
        "verack/network": "sixteen bytes, at the least",
        "default/verack": settings("verack", "--name alice"),
        "default/verack-bob": settings(
          "verack@bob",
          "--name bob --port 8081 --connect 127.0.0.1:8080",
        ),
        "default/verack-wrong": "VERACK_ARGS=--nmae carol\n",
      },
      wants: ["verack.service", "verack@bob.service"],
    });
    const units = ["verack", "verack@bob"];
    const active = (unit: string) => systemd.show(unit, "ActiveState");
    // Active is what the health check made them.
    for (const unit of units) {
      await until(`${unit} to be active`, async () => {
        const state = await active(unit);
        assert(state !== "failed", await systemd.show(unit, "Result"));
        return state === "active";
      });
    }
    const sessions = async (data: string) => {
      const words = ["verack", "status", "--json", "--data", data];
      const { code, out, err } = await systemd.run(...words);
      assertEquals(code, 0, err);
      return JSON.parse(out).mesh.sessions;
    };
    const meet = () =>
      until(
        "the two to meet",
        async () =>
          await sessions("/var/lib/verack") === 1 &&
          await sessions("/var/lib/verack-bob") === 1,
      );
    await meet();
    const [owner, mode] = (await systemd.run(
      ...["stat", "--dereference", "--format=%U %a", "/var/lib/verack"],
    )).out.split(" ");
    assert(owner !== "root");
    assertEquals(mode, "700");

    const pid = await systemd.show("verack", "MainPID");
    await systemd.run("kill", "-KILL", pid);
    await until(
      "alice to be started again",
      // In this order: it is active, too, before systemd notices that the process is gone.
      async () =>
        await systemd.show("verack", "NRestarts") === "1" &&
        await active("verack") === "active",
    );
    assert(await systemd.show("verack", "MainPID") !== pid);
    await meet();

    for (const unit of units) {
      await systemd.run("systemctl", "stop", unit);
      assertEquals(await active(unit), "inactive");
      assertEquals(await systemd.show(unit, "Result"), "success");
      assertEquals(await systemd.show(unit, "ExecMainStatus"), "143");
    }

    await systemd.run("systemctl", "start", "verack@wrong");
    assertEquals(await active("verack@wrong"), "failed");
    assertEquals(await systemd.show("verack@wrong", "ExecMainStatus"), "2");
    assertEquals(await systemd.show("verack@wrong", "NRestarts"), "0");
  },
});
