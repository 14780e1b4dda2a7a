/** QR codes are read back by a decoder that has nothing to do with the encoder. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import jsQr from "jsqr";
import { qrLines } from "../../src/cli/qr_lines.ts";
import { qrCode, qrModules } from "../../src/control/qr_code.ts";
import { ControlScene } from "../helpers/control.ts";

const INVITE = `${"d26d938b".repeat(8)}@alice.example:8080#${"a2c4".repeat(8)}`;

/** Pixels of one module. */
const SCALE = 4;
const MARGIN = 4;

/** What a camera reads where `isDark` says, a margin around it included. */
function read(
  size: number,
  isDark: (x: number, y: number) => boolean,
  { isInverted = false } = {},
): string | undefined {
  const side = (size + 2 * MARGIN) * SCALE;
  const pixels = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = (z: number) => Math.floor(z / SCALE) - MARGIN;
      const value = isDark(at(x), at(y)) === isInverted ? 255 : 0;
      pixels.fill(value, 4 * (y * side + x), 4 * (y * side + x) + 3);
    }
  }
  return jsQr.default(pixels, side, side)?.data;
}

Deno.test("an invite as the path of a picture is read back", () => {
  const { size, path } = qrCode(INVITE);
  assertMatch(path, /^(M\d+ \d+h\d+v1h-\d+z)+$/);
  const dark = new Set<string>();
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
    for (let i = 0; i < Number(length); i++) dark.add(`${Number(x) + i} ${y}`);
  }
  assertEquals(read(size, (x, y) => dark.has(`${x} ${y}`)), INVITE);
});

Deno.test("an invite in a terminal is read back, with colours and without, on a dark and a light one", () => {
  const modules = qrModules(INVITE);
  const size = modules.length;
  const plain = qrLines(modules, { colors: false });
  const coloured = qrLines(modules, { colors: true });
  assert(plain.every((line) => [...line].length === size + 2 * MARGIN));
  assert(size + 2 * MARGIN <= 80 && plain.length <= 40);
  // deno-lint-ignore no-control-regex
  const pattern = /^\x1b\[97;40m([ ▀▄█]+)\x1b\[0m$/;
  const shown = coloured.map((line) => pattern.exec(line)?.[1] ?? line);
  assertEquals(shown, plain);
  const isDrawn = (x: number, y: number) => {
    const row = y + MARGIN;
    const block = plain[row >> 1]?.[x + MARGIN] ?? " ";
    return block === "█" || block === (row % 2 === 0 ? "▀" : "▄");
  };
  // What is drawn is white with colours, and on a dark terminal; black on a light one.
  assertEquals(read(size, (x, y) => !isDrawn(x, y)), INVITE);
  assertEquals(read(size, isDrawn), INVITE);
});

Deno.test("text that no QR code can hold is refused", () => {
  assertThrows(() => qrCode("x".repeat(3_000)), Error);
});

Deno.test("an invite has a QR code only if it is asked for", async () => {
  await using scene = await ControlScene.start({ host: "127.0.0.1" });
  using client = await scene.client();
  const without = await client.invite();
  assertEquals(Object.keys(without).sort(), ["id", "invite"]);
  const { invite, qr } = await client.invite({ qr: true });
  assertEquals(qr, qrCode(invite));
});
