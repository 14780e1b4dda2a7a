/** What a chat shows of messages, what it calls peers, and what can be typed for them. */
import { assertEquals } from "@std/assert";
import {
  CHAT_INDENT,
  ChatLines,
  Names,
} from "../../../src/cli/chat/chat_lines.ts";
import { palette } from "../../../src/cli/terminal.ts";
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { Node } from "../../../src/mesh/node.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { until } from "../../helpers/until.ts";

const TIME = new Date(2026, 0, 2, 3, 4, 5);
const EVE = parsePeerId("e".repeat(64));

Deno.test("ChatLines indents all lines of a message but the first, and counts what it cuts", async () => {
  await using node = await Node.start();
  const lines = new ChatLines(new Names(node), palette(false));
  const rows = (text: string) => {
    const message = {
      from: EVE,
      topic: "chat",
      id: "",
      deliveryCount: 1,
      text,
    };
    return lines.message({ type: "message", ...message }, TIME).split("\n");
  };
  const indent = " ".repeat(CHAT_INDENT);
  assertEquals(rows("one\r\n03:04 bob: two\n"), [
    "03:04 eeeeeeee: one",
    `${indent}03:04 bob: two`,
  ]);
  const many = rows(Array.from({ length: 1_041 }, (_, i) => `${i}`).join("\n"));
  assertEquals(many.length, 41);
  assertEquals(many.at(-1), `${indent}… 1,001 more lines`);
  assertEquals(rows("x\n".repeat(41)).at(-1), `${indent}… 1 more line`);
  assertEquals(rows("x\n".repeat(40)).length, 40);
  assertEquals(rows("… 1 more line"), [
    "03:04 eeeeeeee: \\u{2026} 1 more line",
  ]);
  assertEquals(
    rows(`${"x".repeat(3_000)}\ny`),
    [
      `03:04 eeeeeeee: ${"x".repeat(1_998)}… 1,002 more characters`,
      `${indent}y`,
    ],
  );
});

for (const confirmed of [true, false]) {
  Deno.test(`a chat shows a peer that uses a name of one that is away with its identity: confirmed ${confirmed}`, async () => {
    const store = new MemoryStore();
    const [holder, other] = [
      await Identity.generate(),
      parsePeerId("b".repeat(64)),
    ];
    const binding = { name: "bob", id: holder.id, ephemeral: false };
    store.putNameBinding({ ...binding, confirmed });
    await using alice = await Node.start({ store });
    const comes = async (identity: Identity) => {
      const connect = [alice.address];
      const node = await Node.start({ identity, name: "Bob", connect });
      const isUp = () => alice.peer(identity.id)?.connected ?? false;
      await until("bob", isUp);
      return node;
    };
    const impostor = await Identity.generate();
    const digits = impostor.id.slice(0, 8);
    const names = new Names(alice);
    {
      await using _impostor = await comes(impostor);
      assertEquals(names.label(impostor.id), `Bob (${digits})`);
      assertEquals(new Names(alice).label(impostor.id), `Bob (${digits})`);
      assertEquals(names.typed(), [digits]);
    }
    await using _holder = await comes(holder);
    // One whose name it is goes by it alone until another has used it.
    const label = new Names(alice).label(holder.id);
    assertEquals(label, confirmed ? "bob" : "Bob");
    assertEquals(names.label(other), "bbbbbbbb");
  });
}
