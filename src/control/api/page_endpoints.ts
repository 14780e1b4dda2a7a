/** Sign-in of the page: one-time addresses, and the sessions that begin with one. */
import * as v from "npm:valibot@1.5.0";
import { MAX_SIGN_IN_BYTES } from "../control_limits.ts";
import { SIGN_IN_PATH } from "../page_access.ts";
import { post } from "./endpoint.ts";
import {
  count,
  flag,
  nonEmpty,
  optional,
  type Schema,
  string,
  time,
} from "./schema_fields.ts";

/** Answer to `POST /v1/page/links`. */
export interface PageLinkAnswer {
  /** An address of the page that signs one browser in, once. */
  readonly url: string;
  /** When it can be used no more, ISO 8601. */
  readonly expiresAt: string;
}

const LINK: Schema<PageLinkAnswer> = v.looseObject({
  // It is opened in a browser, which runs some other kinds.
  url: v.pipe(
    string,
    v.check((it) => /^https?:/.test(it) && URL.canParse(it)),
  ),
  expiresAt: time,
});

/** Requests by which a browser is signed in and out. */
export const pageEndpoints = {
  pageLink: post("/v1/page/links", {}, LINK, { status: 201, access: "owner" }),
  pageSignIn: post(
    SIGN_IN_PATH,
    { code: nonEmpty },
    v.looseObject({ key: string, expiresAt: time }),
    { access: "public", maxBytes: MAX_SIGN_IN_BYTES },
  ),
  pageSignOut: post(
    "/v1/page/sign-out",
    { all: optional(flag) },
    v.looseObject({ signedOut: count }),
  ),
};
