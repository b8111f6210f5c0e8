/** Headless Chromium, and a server on this machine that hands it the package as a browser would get it. */

import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium } from "playwright-core";
import { temporaryFolder } from "./node.js";

const root = new URL("../../", import.meta.url);

/** Where Debian's package puts it, or where `CHROMIUM` says it is. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why the browser tests cannot run here; false when they can. */
export function withoutBrowser(): string | false {
  return existsSync(CHROMIUM)
    ? false
    : `there is no Chromium at ${CHROMIUM}: \`apt-get install chromium\` installs it, CHROMIUM names another`;
}

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser with a profile of its own. */
export async function openBrowser(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = await temporaryFolder();
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: ARGUMENTS,
    viewport: { width: 960, height: 1000 },
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** An empty page in which the package's modules can be imported by their names. */
const PAGE = `<!doctype html><meta charset="utf-8"><script type="importmap">${JSON.stringify({
  imports: {
    "@folkmoot/sdk/verify": "/dist/verify.js",
    "@folkmoot/sdk/keys": "/dist/keys.js",
    "@folkmoot/sdk/client": "/dist/client.js",
    "@noble/curves/": "/node_modules/@noble/curves/",
    "@noble/hashes/": "/node_modules/@noble/hashes/",
  },
})}</script>`;

const MEDIA: Readonly<Record<string, string>> = { ".js": "text/javascript", ".json": "application/json" };

/** Serves `PAGE` at `/`, the package's files, and what `answer` takes. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<{ origin: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    if (answer(request, response)) {
      return;
    }
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
      return;
    }
    readFile(fileURLToPath(new URL(`.${pathname}`, root))).then(
      (bytes) => {
        response.writeHead(200, { "content-type": MEDIA[extname(pathname)] ?? "text/plain" }).end(bytes);
      },
      () => {
        response.writeHead(404).end();
      },
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
