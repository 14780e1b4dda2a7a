// @ts-check
/**
 * The mesh as a living picture: this node in the middle, its links to peers by their round trip,
 * links that are missing, and which peers have just joined or left. `layout.js` says where
 * nodes are, `mesh_view.js` what is shown.
 */
import { h, setProps, setText, svg, updateList } from "./dom.js";
import {
  curve,
  layOut,
  MAX_MESH_LINKS,
  MAX_NAMED,
  ownRadius,
  walk,
} from "./layout.js";
import { MeshLabels, meshLegend } from "./mesh_labels.js";
import { linkWidth, meshView, rttBand } from "./mesh_view.js";

/** @import { Model } from "./model.js" */
/** @import { Layout } from "./layout.js" */
/** @import { DrawnPeer, MeshView } from "./mesh_view.js" */
/** @typedef {{ x: number, y: number }} Point */

const MOVE_MS = 450;

/** How far from a node, in pixels, a pointer still selects it. */
const REACH = 5;

/** A screen reader reads the summary out at most so often. */
const SPOKEN_MS = 10_000;

/** @param {HTMLElement} element @param {Model} model */
export function mountMeshPicture(element, model) {
  const picture = new MeshPicture(model);
  const spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
  element.append(
    h("div", { class: "panel-head" }, h("h2", null, "Mesh"), picture.summary),
    picture.stage,
    h("div", { class: "mesh-foot" }, picture.details, meshLegend()),
    spoken,
  );
  let spokenAt = 0;
  let timer = 0;
  const speak = () => {
    clearTimeout(timer);
    const wait = spokenAt + SPOKEN_MS - Date.now();
    if (wait > 0) {
      timer = Number(setTimeout(speak, wait));
      return;
    }
    if (spoken.textContent === picture.summary.textContent) return;
    spokenAt = Date.now();
    setText(spoken, picture.summary.textContent ?? "");
  };
  const update = () => {
    if (model.status !== undefined) {
      picture.update();
      return speak();
    }
    picture.clear();
    clearTimeout(timer);
    setText(spoken, "");
  };
  new ResizeObserver(update).observe(picture.stage);
  model.addEventListener("change", update);
}

class MeshPicture {
  summary = h("p", { class: "muted figure" });
  stage = h("div", { class: "mesh-stage" });
  details = h("p", { class: "mesh-details" });
  #model;
  #svg = svg("svg", { role: "group", "aria-label": "Picture of the mesh" });
  #among = svg("path", { class: "links-among", "aria-hidden": "true" });
  #links = svg("g", { class: "links", "aria-hidden": "true" });
  #missing = svg("path", { class: "links-missing", "aria-hidden": "true" });
  #nodes = svg("g", { role: "listbox", "aria-label": "Peers" });
  #labels = new MeshLabels();
  #own = svg(
    "g",
    { class: "own" },
    svg("circle", { class: "own-ring" }),
    svg("circle", { class: "own-dot" }),
  );
  /** @type {Map<string, SVGGElement>} */
  #nodeOf = new Map();
  /** @type {Map<string, SVGLineElement>} */
  #linkOf = new Map();
  /** Where nodes are drawn at present. @type {Map<string, Point>} */
  #shown = new Map();
  /** @type {Layout | undefined} */
  #layout;
  /** @type {MeshView | undefined} */
  #view;
  /** @type {string | undefined} */
  #hovered;
  #key = "";
  #moveFrame = 0;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
    this.#svg.append(
      this.#among,
      this.#links,
      this.#missing,
      this.#own,
      this.#nodes,
      this.#labels.element,
    );
    this.stage.append(this.#svg);
    this.#nodes.addEventListener("keydown", (event) => this.#onKey(event));
    const point = (/** @type {string | undefined} */ id) => {
      if (id === this.#hovered) return;
      this.#hovered = id;
      this.#emphasise();
    };
    this.#svg.addEventListener("pointermove", (it) => point(this.#nearest(it)));
    this.#svg.addEventListener("focusin", ({ target }) => point(idOf(target)));
    for (const type of ["pointerleave", "focusout"]) {
      this.#svg.addEventListener(type, () => point(undefined));
    }
    this.#svg.addEventListener("click", (event) => {
      // Clicks of assistive technology have no place.
      const id = event.detail === 0 ? idOf(event.target) : this.#nearest(event);
      model.select(id === model.selected ? undefined : id);
    });
  }

  /**
   * The node nearest to the pointer: in a crowd several are under it.
   *
   * @param {MouseEvent} event
   */
  #nearest({ clientX, clientY }) {
    const { left, top } = this.#svg.getBoundingClientRect();
    /** @type {string | undefined} */
    let nearest;
    let least = (this.#layout?.radius ?? 0) + REACH;
    for (const [id, { x, y }] of this.#shown) {
      const distance = Math.hypot(clientX - left - x, clientY - top - y);
      if (distance > least) continue;
      least = distance;
      nearest = id;
    }
    return nearest;
  }

  /** Draws the state of the model. */
  update() {
    const { status } = this.#model;
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (status === undefined || width === 0 || height === 0) return;
    const view = meshView({ ...this.#model, status });
    this.#view = view;
    const ids = view.peers.map(({ id }) => id);
    const key = `${width} ${height} ${ids.join()}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#layout = layOut(ids, { width, height });
      setProps(this.#svg, { viewBox: `0 0 ${width} ${height}` });
    }
    setText(
      this.summary,
      view.summary +
        (view.leftOut > 0 ? ` · ${view.leftOut} more in the table` : ""),
    );
    this.#drawNodes(view);
    this.#drawLinks(view);
    this.#emphasise();
    this.#move();
  }

  /** Nothing stays after the sign-in. */
  clear() {
    if (this.#view === undefined) return;
    this.#view = undefined;
    this.#layout = undefined;
    this.#key = "";
    this.#shown.clear();
    cancelAnimationFrame(this.#moveFrame);
    this.#nodes.replaceChildren();
    this.#nodeOf.clear();
    this.#links.replaceChildren();
    this.#linkOf.clear();
    this.#labels.clear();
    for (const path of [this.#among, this.#missing]) setProps(path, { d: "" });
    for (const text of [this.summary, this.details]) setText(text, "");
  }

  /** @param {MeshView} view */
  #drawNodes({ peers }) {
    const layout = /** @type {Layout} */ (this.#layout);
    const { selected } = this.#model;
    setProps(this.#svg, { class: peers.length > MAX_NAMED && "is-dense" });
    const known = new Map(peers.map((peer) => [peer.id, peer]));
    const ordered = walk(layout).map((
      id,
    ) => /** @type {DrawnPeer} */ (known.get(id)));
    const inTabOrder = selected !== undefined && known.has(selected)
      ? selected
      : ordered[0]?.id;
    const { radius } = layout;
    updateList(this.#nodes, this.#nodeOf, ordered, {
      key: ({ id }) => id,
      make: ({ id }) =>
        svg(
          "g",
          { class: "node", role: "option", "data-id": id },
          svg("circle", { class: "halo" }),
          svg("circle", { class: "ring" }),
          svg("circle", { class: "dot" }),
          svg("circle", { class: "target" }),
        ),
      update: (node, { id, state, change, words, rttMs }) => {
        setProps(node, {
          "data-band": state === "connected" && rttBand(rttMs),
          "data-state": state,
          "data-change": change,
          "aria-label": words,
          "aria-selected": String(id === selected),
          tabindex: id === inTabOrder ? 0 : -1,
        });
        const radii = [radius + 3, radius + 4, radius, radius + 5];
        radii.forEach((r, index) => setProps(node.children[index], { r }));
      },
    });
    const own = ownRadius(radius);
    [own + 4, own].forEach((r, index) =>
      setProps(this.#own.children[index], { r })
    );
    for (const id of this.#shown.keys()) {
      if (!known.has(id)) this.#shown.delete(id);
    }
  }

  /** @param {MeshView} view */
  #drawLinks({ peers }) {
    updateList(
      this.#links,
      this.#linkOf,
      peers.filter(({ state }) => state === "connected"),
      {
        key: ({ id }) => id,
        make: () => svg("line", { class: "link" }),
        update: (link, { id, rttMs, via }) =>
          setProps(link, {
            "data-band": rttBand(rttMs) ?? "unknown",
            "data-relayed": via !== undefined,
            "data-selected": id === this.#model.selected,
            "stroke-width": linkWidth(rttMs, peers.length),
          }),
      },
    );
  }

  /** Shows which node is selected or pointed at, in words and by labels. */
  #emphasise() {
    const view = this.#view;
    const layout = this.#layout;
    const { status, selected } = this.#model;
    if (view === undefined || layout === undefined || status === undefined) {
      return;
    }
    const id = this.#hovered ?? selected;
    const peer = view.peers.find((it) => it.id === id);
    setText(
      this.details,
      peer?.words ??
        (view.peers.length === 0 ? "" : "Point at a node, or select it."),
    );
    this.details.classList.toggle("muted", peer === undefined);
    for (const [nodeId, node] of this.#nodeOf) {
      setProps(node, { "data-hovered": nodeId === this.#hovered });
    }
    this.#labels.draw(view, layout, {
      own: status,
      emphasised: new Set([this.#hovered, selected]),
      size: { width: this.stage.clientWidth, height: this.stage.clientHeight },
    });
  }

  /** Moves the nodes to their places, at once where no motion is wished. */
  #move() {
    const layout = /** @type {Layout} */ (this.#layout);
    const from = new Map(this.#shown);
    const isMoving = [...layout.places].some(([id, { x, y }]) => {
      const at = from.get(id);
      return at !== undefined && Math.hypot(at.x - x, at.y - y) > 0.5;
    });
    cancelAnimationFrame(this.#moveFrame);
    const isStill = !isMoving ||
      matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (isStill) return this.#draw(from, 1);
    const begin = performance.now();
    const step = (/** @type {number} */ now) => {
      const part = Math.min(1, Math.max(0, (now - begin) / MOVE_MS));
      this.#draw(from, 1 - (1 - part) ** 3);
      if (part < 1) this.#moveFrame = requestAnimationFrame(step);
    };
    this.#moveFrame = requestAnimationFrame(step);
  }

  /**
   * @param {ReadonlyMap<string, Point>} from
   * @param {number} part How far they have moved, 0 to 1.
   */
  #draw(from, part) {
    const { places, centre } = /** @type {Layout} */ (this.#layout);
    for (const [id, to] of places) {
      const at = from.get(id) ?? to;
      const x = at.x + (to.x - at.x) * part;
      const y = at.y + (to.y - at.y) * part;
      this.#shown.set(id, { x, y });
      const transform = `translate(${x.toFixed(1)} ${y.toFixed(1)})`;
      const node = this.#nodeOf.get(id);
      if (node !== undefined) setProps(node, { transform });
      const link = this.#linkOf.get(id);
      if (link === undefined) continue;
      const [x1, y1] = [centre.x.toFixed(1), centre.y.toFixed(1)];
      setProps(link, { x1, y1, x2: x.toFixed(1), y2: y.toFixed(1) });
    }
    setProps(this.#own, { transform: `translate(${centre.x} ${centre.y})` });
    this.#drawAmong();
  }

  /** The links among others, and the missing ones. */
  #drawAmong() {
    const { peers, missing } = /** @type {MeshView} */ (this.#view);
    const { centre } = /** @type {Layout} */ (this.#layout);
    const own = this.#model.status?.id;
    const at = (/** @type {string} */ id) =>
      id === own ? centre : this.#shown.get(id);
    /** @param {string} a @param {string} b */
    const path = (a, b) => {
      const [from, to] = [at(a), at(b)];
      return from && to ? curve(from, to, centre) : "";
    };
    const lacking = new Set(missing.map((pair) => [...pair].sort().join()));
    const connected = peers.filter(({ state }) => state === "connected");
    const among = connected.length > MAX_MESH_LINKS
      ? ""
      : connected.flatMap((a, index) =>
        connected.slice(index + 1).flatMap((b) =>
          lacking.has([a.id, b.id].sort().join()) ? [] : [path(a.id, b.id)]
        )
      ).join("");
    setProps(this.#among, {
      d: among,
      "data-density": connected.length > 16 ? "high" : "low",
    });
    setProps(this.#missing, {
      d: missing.map(([a, b]) => path(a, b)).join(""),
    });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const order = [...this.#nodeOf.keys()];
    const ids = this.#layout === undefined ? order : walk(this.#layout);
    const at = ids.indexOf(idOf(document.activeElement) ?? "");
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: ids.length - 1,
    }[event.key];
    const id = ids[((to ?? at) + ids.length) % ids.length];
    if (event.key === "Enter" || event.key === " ") {
      this.#model.select(id === this.#model.selected ? undefined : id);
    } else if (event.key === "Escape") {
      this.#model.select(undefined);
    } else if (to !== undefined && id !== undefined) {
      this.#nodeOf.get(id)?.focus();
    } else {
      return;
    }
    event.preventDefault();
  }
}

/** @param {EventTarget | Element | null} target */
function idOf(target) {
  return target instanceof Element
    ? target.closest("[data-id]")?.getAttribute("data-id") ?? undefined
    : undefined;
}
