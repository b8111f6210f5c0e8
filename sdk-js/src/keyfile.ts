/// <reference types="node" />
/**
 * The command line's key file, on disk. For Node: it reads and writes files.
 *
 * ```ts
 * import { defaultKeyPath, loadKey } from "@folkmoot/sdk/keyfile";
 *
 * const key = await loadKey(defaultKeyPath()); // the key that `moot account` shows
 * ```
 *
 * - Requires: a file system with Unix permissions.
 * - Provides: a file made here has mode 0600 from its first byte on; one that others can read is refused.
 * - Does not provide: protection from the same user, from root, or of what a backup copied.
 *
 * @packageDocumentation
 */

import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { MootError } from "./errors.js";
import { formatKey, Keypair, parseKey } from "./keys/keypair.js";

/** A key file has 76 bytes; what is longer than this is another file. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

/** Where the command line keeps its key: `MOOT_KEY`, or `moot/key` in the user's configuration folder. */
export function defaultKeyPath(): string {
  const set = (name: string): string | undefined =>
    process.env[name] === "" ? undefined : process.env[name];
  return set("MOOT_KEY") ?? join(set("XDG_CONFIG_HOME") ?? join(homedir(), ".config"), "moot", "key");
}

/**
 * Reads the key at `path`.
 *
 * @throws MootError when others can read the file or it holds no key; the system's own error when it cannot be opened.
 */
export async function loadKey(path: string): Promise<Keypair> {
  const file = await open(path, constants.O_RDONLY);
  try {
    // Of the file that was opened, not of a name that may point elsewhere a moment later.
    const { mode, size } = await file.stat();
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const found = `${path} has mode ${(mode & 0o7777).toString(8).padStart(4, "0")}`;
      const next = `make it yours alone with \`chmod 600 ${path}\`, and replace the key if anyone else had access`;
      throw new MootError(`${found}: others can read or change it; ${next}`);
    }
    if (size > MAX_KEY_FILE_BYTES) {
      throw new MootError(
        `${path} has ${String(size)} bytes; a key file has one short line. Is it the right file?`,
      );
    }
    return parseKey(await file.readFile("utf8"));
  } catch (error) {
    throw error instanceof MootError && !error.message.includes(path)
      ? new MootError(`${path}: ${error.message}`, { cause: error })
      : error;
  } finally {
    await file.close();
  }
}

/** Makes a new key in a new file and waits until it is on the disk. Never replaces a file. */
export async function createKey(path: string): Promise<Keypair> {
  const key = Keypair.generate();
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(formatKey(key));
    await file.sync();
  } finally {
    await file.close();
  }
  return key;
}
