/** Attributes that the page sets: none of them is code, style or another document. */
import { assertEquals, assertThrows } from "@std/assert";
import { setProps, updateList } from "../../src/page/dom.js";

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

/** As much of a list as its order needs. */
class FakeList {
  children: FakeItem[] = [];
  moves = 0;

  get firstElementChild(): FakeItem | null {
    return this.children[0] ?? null;
  }

  insertBefore(item: FakeItem, next: FakeItem | null): void {
    this.moves++;
    item.remove();
    const at = next === null
      ? this.children.length
      : this.children.indexOf(next);
    this.children.splice(at, 0, item);
    item.list = this;
  }
}

class FakeItem {
  list: FakeList | undefined;
  constructor(readonly name: string) {}

  get nextElementSibling(): FakeItem | null {
    const { children = [] } = this.list ?? {};
    return children[children.indexOf(this) + 1] ?? null;
  }

  remove(): void {
    if (this.list === undefined) return;
    this.list.children = this.list.children.filter((it) => it !== this);
    this.list = undefined;
  }
}

Deno.test("a list keeps its elements, and moves none as others come and go", () => {
  const list = new FakeList();
  const elements = new Map<string, Element>();
  const show = (text: string) => {
    list.moves = 0;
    updateList(list as unknown as Element, elements, text, {
      key: (name) => name,
      make: (name) => new FakeItem(name) as unknown as Element,
    });
    assertEquals(list.children.map(({ name }) => name).join(""), text);
    assertEquals(
      [...elements.keys()].toSorted().join(""),
      [...text].toSorted().join(""),
    );
    return list.moves;
  };
  assertEquals(show("abcd"), 4);
  const [, second] = list.children;
  assertEquals(show("abcd"), 0);
  assertEquals(show("bd"), 0);
  assertEquals(show("xbyd"), 2);
  show("bydx");
  assertEquals(list.children[0], second);
  assertEquals(show(""), 0);
});
