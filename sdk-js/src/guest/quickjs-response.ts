/** `Response` for QuickJS, as the Fetch Standard has it. */

import { contentOf, QuickBody, type BodySource, type Content } from "./quickjs-body.js";
import { QuickHeaders, type HeadersSource } from "./quickjs-headers.js";

export interface QuickResponseInit {
  status?: number | undefined;
  statusText?: string | undefined;
  headers?: HeadersSource | undefined;
}

/** Statuses whose answer has no body. */
const BODILESS = [101, 103, 204, 205, 304];
const REDIRECTS = [301, 302, 303, 307, 308];

/** An answer in parts, as `fetch` has it. */
export class ResponseParts {
  constructor(
    readonly status: number,
    readonly headers: QuickHeaders,
    readonly content: Content | (() => Content),
    readonly type = "default",
    readonly url = "",
    readonly statusText = "",
  ) {}
}

function partsOf(source: BodySource | null | undefined, init: QuickResponseInit): ResponseParts {
  const status = init.status ?? 200;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`the status of an answer is from 200 to 599, not ${String(status)}`);
  }
  const { content, type } = contentOf(source);
  if (content !== null && BODILESS.includes(status)) {
    throw new TypeError(`an answer with the status ${String(status)} has no body`);
  }
  const headers = new QuickHeaders(init.headers);
  headers.describe(type);
  return new ResponseParts(status, headers, content, "default", "", init.statusText);
}

export class QuickResponse extends QuickBody {
  declare readonly status: number;
  declare readonly statusText: string;
  declare readonly url: string;
  declare readonly type: string;
  declare readonly headers: QuickHeaders;

  constructor(source?: BodySource | ResponseParts | null, init: QuickResponseInit = {}) {
    const parts = source instanceof ResponseParts ? source : partsOf(source, init);
    super(parts.content);
    this.status = parts.status;
    this.statusText = parts.statusText;
    this.url = parts.url;
    this.type = parts.type;
    this.headers = parts.headers;
  }

  static json(value: unknown, init: QuickResponseInit = {}): QuickResponse {
    const text: unknown = JSON.stringify(value);
    if (typeof text !== "string") {
      throw new TypeError(`JSON has nothing for ${typeof value}`);
    }
    const headers = new QuickHeaders(init.headers);
    if (!headers.has("content-type")) {
      headers.set("content-type", "application/json");
    }
    return new QuickResponse(text, { ...init, headers });
  }
  static redirect(url: string | URL, status = 302): QuickResponse {
    if (!REDIRECTS.includes(status)) {
      throw new RangeError(`${String(status)} is no status of a redirect: ${REDIRECTS.join(", ")}`);
    }
    return new QuickResponse(null, { status, headers: { location: new URL(String(url)).href } });
  }
  static error(): QuickResponse {
    return new QuickResponse(
      Object.assign(new ResponseParts(0, new QuickHeaders(), null), { type: "error" }),
    );
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }
  clone(): QuickResponse {
    const headers = new QuickHeaders(this.headers);
    const { status, type, url, statusText } = this;
    return new QuickResponse(new ResponseParts(status, headers, this.share(), type, url, statusText));
  }
}

// No redirect is followed.
Object.assign(QuickResponse.prototype, { redirected: false });
