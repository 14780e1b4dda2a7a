/** Numbered events in large numbers, and whether a reader of them got all. */
import { assertEquals } from "@std/assert";
import type { ControlEvent } from "../../src/control/answers.ts";
import { type ControlScene, message } from "./control.ts";

/** Publishes numbered messages. */
export function publish(
  scene: ControlScene,
  first: number,
  count: number,
): void {
  for (let number = first; number < first + count; number++) {
    scene.server.publish(message("flood", number));
  }
}

/** The number of a message. */
export function numberOf(event: ControlEvent | undefined): number | undefined {
  return event?.type === "message" ? event.deliveryCount : undefined;
}

/** How many events were missed before the next one. */
export function droppedOf(event: ControlEvent | undefined): number {
  return event?.type === "overflow" ? event.dropped : 0;
}

/** Messages and what was missed of them must be all there were, in order. */
export function assertAll(
  events: readonly ControlEvent[],
  count: number,
): void {
  let next = 0;
  for (const event of events) {
    next += droppedOf(event);
    if (event.type !== "message") continue;
    assertEquals(event.deliveryCount, next);
    next++;
  }
  assertEquals(next, count);
}
