/** What a chat calls peers, and what can be typed for them. */
import { assertEquals } from "@std/assert";
import { Names } from "../../../src/cli/chat/chat_lines.ts";
import { Identity, parsePeerId } from "../../../src/identity/identity.ts";
import { Node } from "../../../src/mesh/node.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { until } from "../../helpers/until.ts";

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
