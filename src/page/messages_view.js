// @ts-check
/** Messages in and out, of one peer or of all, and the form that sends more. */
import { h, setText, textInput, updateList } from "./dom.js";
import { ApiError } from "./api.js";
import { errorWords, problemLine } from "./button_action.js";
import { faultOfText, faultOfTopic } from "./input_checks.js";
import { MessageEntry } from "./message_entry.js";
import { entriesOf, ReceivedMessages } from "./received_messages.js";
import { SentMessages } from "./sent_messages.js";
import { peerLabel } from "./shown_name.js";

/** @import { Entry } from "./received_messages.js" */
/** @import { Model } from "./model.js" */

/** The topics of `verack chat`. */
const CHAT_TOPIC = "chat";
const DIRECT_TOPIC = "chat/direct";

const MAX_SHOWN = 200;

/** Nearer to its end the list follows new messages. */
const END_PX = 40;

const EVERYONE = "";

/**
 * @param {HTMLElement} element
 * @param {Model} model
 * @returns {{ writeTo(id: string): void, focus(): void }}
 */
export function mountMessages(element, model) {
  const view = new MessagesView(model);
  element.append(...view.parts);
  return { writeTo: (id) => view.writeTo(id), focus: () => view.focus() };
}

class MessagesView {
  #model;
  #received = new ReceivedMessages();
  #sent = new SentMessages();
  /** @type {Map<string, MessageEntry>} */
  #views = new Map();
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  #peer = h("select", { id: "message-peer" });
  #options = "";
  #list = h("div", {
    class: "messages-list",
    role: "log",
    "aria-label": "Messages",
    tabindex: 0,
  });
  #empty = h(
    "p",
    { class: "empty muted" },
    "No messages since this page was opened.",
  );
  #text = h("textarea", {
    id: "message-text",
    rows: 2,
    dir: "auto",
    placeholder: "Write a message",
    "aria-label": "Message",
  });
  #topic = textInput({ id: "message-topic", dir: "auto" });
  #send = h("button", { class: "primary" }, "Send to everyone");
  #problem = problemLine();
  #isAtEnd = true;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
    this.#topic.value = CHAT_TOPIC;
    for (const event of model.events) this.#onEvent(event);
    model.addEventListener("event", (event) => {
      if (event instanceof CustomEvent) this.#onEvent(event.detail);
    });
    model.addEventListener("change", () => this.#onChange());
    this.#peer.addEventListener("change", () => this.#onPeer());
    this.#list.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#list;
      this.#isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
    });
    this.#text.addEventListener("keydown", (event) => {
      const sends = event.key === "Enter" && !event.shiftKey &&
        !event.isComposing;
      if (!sends) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#onChange();
  }

  #form = h(
    "form",
    { class: "composer" },
    this.#text,
    h(
      "div",
      { class: "composer-row" },
      h("label", { class: "inline" }, "Topic ", this.#topic),
      h(
        "span",
        { class: "muted hint" },
        "Enter sends, Shift+Enter begins a line",
      ),
      this.#send,
    ),
    this.#problem,
  );

  get parts() {
    return [
      h(
        "header",
        { class: "view-head" },
        h("h2", null, "Messages"),
        h("label", { class: "inline" }, "With ", this.#peer),
      ),
      h(
        "p",
        { class: "muted note" },
        "What the node's application has acked since this page was opened, and what was sent here. Looking at it acks nothing.",
      ),
      this.#empty,
      this.#list,
      this.#form,
    ];
  }

  /** Chooses a peer, and moves the focus to the text. @param {string} id */
  writeTo(id) {
    this.#peer.value = id;
    if (this.#peer.value !== id) this.#peer.value = EVERYONE;
    this.#onPeer();
    this.focus();
  }

  /** Moves the focus to the text. */
  focus() {
    this.#text.focus();
    this.#form.scrollIntoView({ block: "nearest" });
  }

  #onPeer() {
    const isToAll = this.#peer.value === EVERYONE;
    const isDefault = [CHAT_TOPIC, DIRECT_TOPIC].includes(this.#topic.value);
    if (isDefault) this.#topic.value = isToAll ? CHAT_TOPIC : DIRECT_TOPIC;
    this.#isAtEnd = true;
    setText(this.#problem, "");
    this.#showSend();
    this.#show();
  }

  #showSend() {
    const { value } = this.#peer;
    setText(
      this.#send,
      value === EVERYONE
        ? "Send to everyone"
        : `Send to ${this.#labelOf(value)}`,
    );
  }

  /** @param {import("./model.js").PageEvent} event */
  #onEvent(event) {
    if (event.type === "message") this.#received.add(event);
    else if (event.type === "page:gap") this.#sent.onGap();
    else this.#sent.onEvent(event);
  }

  #onChange() {
    const { connection, status } = this.#model;
    if (connection === "signed-out") {
      this.#received.clear();
      this.#sent.clear();
      this.#text.value = "";
    }
    if (status !== undefined) this.#sent.onStatus(status);
    this.#showPeers();
    this.#showSend();
    this.#show();
  }

  /** The peers that one can write to: those that have proven their key. */
  #showPeers() {
    const peers = this.#model.peers.filter(({ firstSeen }) =>
      firstSeen !== undefined
    );
    const sorted = peers.map((peer) => ({
      peer,
      label: peerLabel(peer.id, peer),
    })).sort((a, b) => a.label < b.label ? -1 : 1);
    // Options that are replaced would close a list that is open.
    const key = JSON.stringify(
      sorted.map(({ peer, label }) => [peer.id, peer.connected, label]),
    );
    if (key === this.#options) return;
    this.#options = key;
    const { value } = this.#peer;
    const group = (
      /** @type {string} */ label,
      /** @type {boolean} */ isUp,
    ) => {
      const options = sorted.filter(({ peer }) => peer.connected === isUp)
        .map(({ peer, label }) => h("option", { value: peer.id }, label));
      return options.length === 0 ? null : h("optgroup", { label }, options);
    };
    this.#peer.replaceChildren(
      h("option", { value: EVERYONE }, "everyone"),
      ...[group("connected", true), group("away", false)]
        .filter((it) => it !== null),
    );
    this.#peer.value = value;
    if (this.#peer.value !== value) {
      this.#peer.value = EVERYONE;
      this.#onPeer();
    }
  }

  #show() {
    const peer = this.#peer.value || undefined;
    const entries = entriesOf(this.#received.list, this.#sent.list, {
      peer,
      max: MAX_SHOWN,
    });
    this.#empty.hidden = entries.length > 0;
    this.#list.hidden = entries.length === 0;
    updateList(this.#list, this.#elements, entries, {
      key: ({ key }) => key,
      make: (entry) => this.#make(entry),
      update: (_, entry) => this.#views.get(entry.key)?.update(entry),
    });
    for (const key of this.#views.keys()) {
      if (!this.#elements.has(key)) this.#views.delete(key);
    }
    if (this.#isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {Entry} entry */
  #make(entry) {
    const view = new MessageEntry(entry, {
      labelOf: (id) => this.#labelOf(id),
      onPeer: (id) => this.writeTo(id),
      onAgain: (text) => {
        this.#text.value = text;
        this.#text.focus();
      },
    });
    this.#views.set(entry.key, view);
    return view.element;
  }

  /** @param {string} id */
  #labelOf(id) {
    return peerLabel(id, this.#model.peers.find((it) => it.id === id));
  }

  async #submit() {
    const text = this.#text.value;
    const topic = this.#topic.value;
    const fault = faultOfText(text) ?? faultOfTopic(topic);
    setText(this.#problem, fault ?? "");
    if (fault !== undefined) return this.#text.focus();
    const to = this.#peer.value || undefined;
    // An empty form cannot send the same message again.
    this.#text.value = "";
    const { api } = this.#model;
    const sent = this.#sent.begin({
      ...to !== undefined && { to },
      ...{ text, topic, time: this.#model.nodeTime },
    });
    this.#isAtEnd = true;
    this.#show();
    try {
      if (to === undefined) {
        const answer = await api.post("/v1/broadcasts", { text, topic });
        this.#sent.broadcasted(sent, answer);
      } else {
        const answer = await api.post("/v1/messages", { to, text, topic });
        this.#sent.answered(sent, answer);
      }
    } catch (error) {
      const isKnown = !(error instanceof ApiError) || error.status > 0;
      const reason = isKnown
        ? errorWords(error)
        : `it is not known whether the node took it. ${errorWords(error)}`;
      this.#sent.failed(sent, reason);
      setText(this.#problem, `Not sent: ${reason}`);
      if (this.#text.value === "") this.#text.value = text;
    }
    this.#show();
  }
}
