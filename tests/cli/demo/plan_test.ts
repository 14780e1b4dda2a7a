import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { planDemo } from "../../../src/cli/demo/demo_script.ts";

Deno.test("planDemo() lets every node join through one that starts before it", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes } = planDemo(count);
    const names = nodes.map(({ name }) => name);
    assertEquals(new Set(names).size, count);
    for (const [index, { via }] of nodes.entries()) {
      if (index === 0) assertEquals(via, undefined);
      else assert(names.slice(0, index).includes(via ?? ""), `${count}`);
    }
  }
});

Deno.test("planDemo() does not send everybody through the first node", () => {
  const { nodes } = planDemo(5);
  assert(new Set(nodes.map(({ via }) => via)).size > 2);
});

Deno.test("planDemo() kills another than the first and brings it back elsewhere", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes, victim } = planDemo(count);
    const planned = nodes.find(({ name }) => name === victim.name);
    assert(planned !== undefined && planned !== nodes[0]);
    assertNotEquals(victim.returnsThrough, victim.name);
    assert(nodes.some(({ name }) => name === victim.returnsThrough));
    if (count > 2) assertNotEquals(victim.returnsThrough, planned.via);
  }
});

Deno.test("planDemo() has the impostor pose as one member before another", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes, impostor } = planDemo(count);
    const names = nodes.map(({ name }) => name);
    assert(names.includes(impostor.as) && names.includes(impostor.to));
    assertNotEquals(impostor.as, impostor.to);
  }
});

Deno.test("planDemo() plans the same show every time", () => {
  assertEquals(planDemo(7), planDemo(7));
});

Deno.test("planDemo() throws when there is nobody to talk to", () => {
  for (const count of [1, 0, -1, 2.5, NaN]) {
    assertThrows(() => planDemo(count), RangeError, `${count}`);
  }
});
