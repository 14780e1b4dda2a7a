/**
 * A router with network address translation, as those of homes are, or as Docker makes one of its
 * host: hosts inside reach out by the router's address, and nothing comes in that no host inside
 * has begun, but at published ports.
 */
import type { Host } from "./host.ts";
import type { Subnet } from "./subnet.ts";

/** How a router treats packets. */
export interface RouterOptions {
  /** Where it has the address by which others see all hosts inside. */
  readonly outside: Subnet;
  /** Subnets behind it; from one nothing passes to another, as with Docker's bridges. */
  readonly inside: readonly Subnet[];
  /** Hosts inside reach published ports at the address outside, too. @default {false} */
  readonly hairpin?: boolean;
  /** Connections to published ports come from the router itself, as by a proxy. @default {false} */
  readonly hidesSources?: boolean;
}

/** A port of the router that leads to a host inside. */
interface Published {
  readonly port: number;
  readonly host: Host;
  readonly on: Subnet;
  readonly hostPort: number;
}

/** Translates between subnets. */
export class Router {
  readonly host: Host;
  readonly #options: RouterOptions;
  readonly #published: Published[] = [];

  /** @param host Plugged into all its subnets. */
  constructor(host: Host, options: RouterOptions) {
    this.host = host;
    this.#options = options;
    host.network.exec(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    this.#apply();
  }

  /** The address by which others see all hosts inside. */
  get address(): string {
    return this.host.on(this.#options.outside);
  }

  /** From now on a port of the address outside leads to a host on a subnet inside. */
  publish(
    port: number,
    host: Host,
    { on = this.#options.inside[0]!, hostPort = port }: {
      readonly on?: Subnet;
      readonly hostPort?: number;
    } = {},
  ): void {
    this.#published.push({ port, host, on, hostPort });
    this.#apply();
  }

  #apply(): void {
    const { outside, inside, hairpin, hidesSources } = this.#options;
    const out = this.host.deviceOn(outside);
    const ins = inside.map((subnet) => this.host.deviceOn(subnet));
    const lead = this.#published.map(({ port, host, on, hostPort }) =>
      `${hairpin === true ? "" : `iifname ${out} `}ip daddr ${this.address} ` +
      `tcp dport ${port} dnat ip to ${host.on(on)}:${hostPort}`
    );
    // The host inside must answer through the router, or its packets come from a stranger.
    const bend = ins.flatMap((it) =>
      [it, ...(hidesSources === true ? [out] : [])].map((from) =>
        `iifname ${from} oifname ${it} ct status dnat masquerade`
      )
    );
    this.host.network.table("inet", "router", [
      "chain arriving { type nat hook prerouting priority dstnat",
      ...lead,
      "}",
      "chain leaving { type nat hook postrouting priority srcnat",
      `oifname ${out} masquerade`,
      ...bend,
      "}",
      "chain passing { type filter hook forward priority filter; policy drop",
      "ct state established,related accept",
      ...ins.map((it) => `iifname ${it} oifname ${out} accept`),
      `iifname ${out} ct status dnat accept`,
      ...ins.map((it) => `iifname ${it} oifname ${it} accept`),
      "}",
      "chain heard { type filter hook input priority filter",
      // Nothing is said about closed ports, as is usual in homes and clouds.
      `ip daddr ${this.address} ct state new meta l4proto tcp drop`,
      "}",
    ]);
  }
}
