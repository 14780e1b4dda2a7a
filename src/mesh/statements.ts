/**
 * Statements in a closed mesh: whether one is by somebody we have admitted, and
 * our own about those we have. How they are signed is in `identity/statement.ts`.
 */
import { VerackError } from "../errors.ts";
import { judgeCertificate } from "../identity/certificate.ts";
import type { IdentityId } from "../identity/identity.ts";
import {
  decodeStatement,
  issueStatement,
  verifyStatement,
} from "../identity/statement.ts";
import type { MeshContext } from "./context.ts";
import type { PeerRecord } from "./peer_table.ts";

/** What one node needs of its context here. */
export type StatementsContext = Pick<
  MeshContext,
  "clock" | "identity" | "magic" | "table"
>;

/** Statements of one node. */
export class Statements {
  readonly #context: StatementsContext;
  readonly #isAdmitted: (record: PeerRecord) => boolean;
  /** Signing costs up to some hundred microseconds, and a peer is told of often. */
  readonly #issued = new WeakMap<PeerRecord, Uint8Array<ArrayBuffer>>();

  /** @param isAdmitted Whether a peer may admit others. */
  constructor(
    context: StatementsContext,
    isAdmitted: (record: PeerRecord) => boolean,
  ) {
    this.#context = context;
    this.#isAdmitted = isAdmitted;
  }

  /**
   * Whether a member that we have admitted, or we ourselves, admits `subject` by
   * these bytes. Costs a signature only if the issuer is one of them.
   */
  admits(bytes: Uint8Array, subject: IdentityId): boolean {
    if (bytes.length === 0) return false;
    const { identity, table, magic } = this.#context;
    try {
      const statement = decodeStatement(bytes);
      const { issuer } = statement;
      // Nobody admits itself: else any member's key could do without the member.
      if (issuer === subject) return false;
      const record = table.get(issuer);
      const certificate = issuer === identity.id
        ? judgeCertificate(identity.certificate)
        : record !== undefined && this.#isAdmitted(record)
        ? record.certificate
        : undefined;
      return certificate !== undefined &&
        verifyStatement(certificate, { magic, subject }, statement);
    } catch (error) {
      if (error instanceof VerackError) return false;
      throw error;
    }
  }

  /** By which this node admits a peer. */
  about(record: PeerRecord): Uint8Array<ArrayBuffer> {
    const { clock, identity, magic } = this.#context;
    const known = this.#issued.get(record);
    if (known !== undefined) return known;
    const statement = issueStatement(
      identity,
      { magic, subject: record.identity },
      // A clock before 1970 must lock nobody out.
      Math.max(0, Math.floor(clock.now() / 1_000)),
    );
    this.#issued.set(record, statement);
    return statement;
  }
}
