/** Attributes that the page sets: none of them is code, style or another document. */
import { assertEquals, assertThrows } from "@std/assert";
import { setProps } from "../../src/page/dom.js";

/** As much of an element as attributes need. */
function fakeElement() {
  const attributes = new Map<string, string>();
  let writes = 0;
  const element = {
    getAttribute: (name: string) => attributes.get(name) ?? null,
    setAttribute: (name: string, value: string) => {
      writes++;
      attributes.set(name, value);
    },
    removeAttribute: (name: string) => attributes.delete(name),
  } as unknown as Element;
  return { element, attributes, writes: () => writes };
}

Deno.test("what may be code, style or another document is no attribute of the page", () => {
  const { element, attributes } = fakeElement();
  for (
    const name of [
      "onclick",
      "ONERROR",
      "style",
      "Style",
      "src",
      "srcdoc",
      "srcset",
      "action",
      "formaction",
    ]
  ) {
    assertThrows(
      () => setProps(element, { [name]: "x" }),
      TypeError,
      `"${name}"`,
    );
  }
  assertEquals(attributes.size, 0);
});

Deno.test("attributes are set once, and go with what stands for none", () => {
  const { element, attributes, writes } = fakeElement();
  setProps(element, {
    class: "a",
    hidden: true,
    "data-x": 0,
    title: undefined,
  });
  assertEquals([...attributes], [["class", "a"], ["hidden", ""], [
    "data-x",
    "0",
  ]]);
  setProps(element, { class: "a", hidden: false, "data-x": null });
  assertEquals([...attributes], [["class", "a"]]);
  assertEquals(writes(), 3);
  setProps(undefined, { class: "a" });
});
