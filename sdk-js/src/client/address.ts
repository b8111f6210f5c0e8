/** Where a node is: `http://127.0.0.1:8080`, `https://moot.example`, or just `127.0.0.1:8080`. */

import { MootError, quoted } from "../errors.js";

/**
 * Checks an address as people write it; a missing scheme means `http`. Gives its origin, without a slash at the end.
 *
 * @throws MootError saying what is wrong.
 */
export function parseAddress(text: string): string {
  const wrong = (why: string): MootError =>
    new MootError(
      `${quoted(text)} is no address of a node: ${why}; an address looks like http://127.0.0.1:8080`,
    );
  const trimmed = text.trim();
  const written = trimmed.includes("://") ? trimmed : `http://${trimmed}`;
  if (!URL.canParse(written)) {
    throw wrong("it is not a URL");
  }
  const url = new URL(written);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw wrong("only http and https are spoken");
  }
  if (url.username !== "" || url.password !== "") {
    throw wrong("a user or password does not belong in it");
  }
  if (written.replace(/\/+$/u, "").endsWith(":")) {
    throw wrong("it names no port after the colon");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw wrong("it must end after the host and port");
  }
  return url.origin;
}
