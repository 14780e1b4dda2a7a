/** Handles sign-in and sign-out of the page. */
import { logger } from "../../core/log.ts";
import type { pageEndpoints } from "../api/page_endpoints.ts";
import { ApiError, jsonResponse } from "../guard.ts";
import type { PageServer } from "../page_server.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

const log = logger("control");

/** What the handlers use. */
export interface PageContext extends Pick<HandlerContext, "clock"> {
  readonly page: PageServer;
}

/** Handlers of {@linkcode pageEndpoints}. */
export function pageHandlers(
  { clock, page: server }: PageContext,
): Handlers<typeof pageEndpoints> {
  const { sessions } = server;
  return {
    pageLink: (_, { headers, page }) => {
      const host = headers.get("host");
      // The name by which the client has reached this port leads its user here as well.
      return server.link(
        page === undefined || host === null
          ? undefined
          : `${page.scheme}://${host}`,
      );
    },
    pageSignIn: ({ code }, { page, access }) => {
      if (page === undefined) {
        throw new ApiError(
          409,
          "conflict",
          "There is no sign-in at the socket, where none is needed",
        );
      }
      const signIn = sessions.signIn(code);
      if (signIn === undefined) {
        throw new ApiError(
          403,
          "wrong-code",
          'The code was used, has expired or is wrong; "verack open" gives a new address',
        );
      }
      // The same browser again.
      if (access.kind === "page") sessions.signOut(access.session);
      log.info("browser signed in", { browsers: sessions.size });
      const { key, lifetimeMs } = signIn;
      const expiresAt = new Date(clock.now() + lifetimeMs);
      return jsonResponse({ key, expiresAt }, 200, {
        "set-cookie": page.setCookie(signIn),
      });
    },
    pageSignOut: ({ all = false }, { page, access }) => {
      const signedOut = all
        ? sessions.signOut("all")
        : access.kind === "page"
        ? sessions.signOut(access.session)
        : 0;
      return jsonResponse({ signedOut }, 200, {
        ...(page !== undefined && { "set-cookie": page.clearCookie() }),
      });
    },
  };
}
