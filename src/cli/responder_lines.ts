/**
 * How the events of a responder look: a line for people, a JSON object for
 * programs. Text of the other end is escaped here.
 */
import type { ResponderEvent } from "../bitcoin/respond.ts";
import { serviceNames, servicesHex } from "../bitcoin/service_flags.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { formatAddress } from "../transport/address.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { clockOf, messageLine, milliseconds } from "./probe_lines.ts";
import type { Palette } from "./terminal.ts";

/** The line that `respond` prints. */
export function responderLine(
  event: ResponderEvent,
  time: Date,
  colors: Palette,
): string {
  const clock = clockOf(time, colors);
  switch (event.type) {
    case "connect":
      return `${clock} #${event.id} ${colors.bold("connect")} from ${
        formatAddress(event.remote)
      }`;
    case "full":
      return `${clock} ${colors.yellow("full")}, closed ${
        formatAddress(event.remote)
      }`;
    case "message":
      return messageLine(`#${event.id}`, event, time, colors);
    case "open":
      return `${clock} #${event.id} ${colors.green("open")} after ${
        milliseconds(event.atMs)
      } ms: ${factsLine(event.version, event.features)}`;
    case "close":
      return `${clock} #${event.id} ${colors.red("close")} after ${
        milliseconds(event.atMs)
      } ms${
        event.error === undefined
          ? ""
          : `, ${event.error.kind}: ${event.error.message}`
      }`;
    default:
      return event satisfies never;
  }
}

/** The object that `respond --json` prints: the event, and the time as ISO 8601. */
export function responderJson(event: ResponderEvent, time: Date): string {
  const common = { time: time.toISOString(), type: event.type };
  switch (event.type) {
    case "connect":
      return jsonLine({
        ...common,
        id: event.id,
        remote: formatAddress(event.remote),
      });
    case "full":
      return jsonLine({ ...common, remote: formatAddress(event.remote) });
    case "message": {
      const { id, direction, command, bytes, atMs, dropped } = event;
      return jsonLine({
        ...common,
        id,
        direction,
        command,
        bytes,
        atMs,
        dropped,
      });
    }
    case "open": {
      const { id, version, features, atMs } = event;
      return jsonLine({ ...common, id, ...facts(version), features, atMs });
    }
    case "close":
      return jsonLine({ ...common, ...event });
    default:
      return event satisfies never;
  }
}

/** A version as JSON can hold it, under the names that results of probes use. */
function facts(version: VersionMessage): Record<string, unknown> {
  return {
    protocolVersion: version.version,
    services: serviceNames(version.services),
    servicesHex: servicesHex(version.services),
    userAgent: escapeText(version.userAgent),
    startHeight: version.startHeight,
    relay: version.relay,
  };
}

/** The user agent is last, so that no text of the other end's can pose as ours. */
function factsLine(
  version: VersionMessage,
  features: readonly string[],
): string {
  const services = serviceNames(version.services);
  return [
    `protocol ${version.version}`,
    `height ${version.startHeight}`,
    `relay ${version.relay ? "yes" : "no"}`,
    `services ${services.length === 0 ? "none" : services.join(",")}`,
    `features ${features.length === 0 ? "none" : features.join(",")}`,
    `agent ${escapeText(version.userAgent) || "none"}`,
  ].join("  ");
}
