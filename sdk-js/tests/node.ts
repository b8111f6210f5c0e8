/** A real node for the tests: the `moot` binary on a free port, with a temporary data folder. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** How long a node may take to start: a debug build on a busy machine. */
const START_MS = 60_000;
/** How long it may take to stop before it is killed. */
const STOP_MS = 30_000;

const checkout = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

function found(path: string, what: string, next: string): string {
  if (!existsSync(path)) {
    throw new Error(`there is no ${what} at ${path}: ${next}`);
  }
  return path;
}

/** The binary: `MOOT_BIN`, or the debug build of this checkout. */
export function mootBinary(): string {
  const path = process.env["MOOT_BIN"] ?? checkout("target/debug/moot");
  return found(path, "moot binary", "`cargo build -p moot-node` makes it, or set MOOT_BIN");
}

/** An example component: from `MOOT_GUESTS`, or the build of this checkout. */
export async function guest(name: string): Promise<Uint8Array> {
  const folder = process.env["MOOT_GUESTS"] ?? checkout("target/guests/wasm32-wasip2/release");
  const path = join(folder, `${name}.wasm`);
  return new Uint8Array(
    await readFile(found(path, "component", "`cargo xtask test guests` makes it, or set MOOT_GUESTS")),
  );
}

/** A folder of its own for a test, removed by the caller. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "moot-sdk-js-"));
}

/** Runs the command line to its end and gives what it printed. */
export async function moot(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; code: number }> {
  try {
    const { stdout } = await promisify(execFile)(mootBinary(), words, { env: { ...process.env, ...env } });
    return { stdout, code: 0 };
  } catch (error) {
    const { stdout, code, stderr } = error as { stdout?: string; code?: number; stderr?: string };
    if (typeof code !== "number") {
      throw error;
    }
    return { stdout: (stdout ?? "") + (stderr ?? ""), code };
  }
}

/** A running node. */
export interface Node {
  /** `http://127.0.0.1:<port>`. */
  readonly address: string;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a node and waits until it answers.
 *
 * @param key - The key file whose account has units from the start, because it is this key that starts the network.
 */
export async function startNode(key: string): Promise<Node> {
  const folder = await temporaryFolder();
  const data = join(folder, "data");
  const child = spawn(mootBinary(), ["up", "--json", "--listen", "127.0.0.1:0", "--data", data], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MOOT_KEY: key },
  });
  // However this process ends, the node ends with it.
  process.once("exit", () => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (piece: Buffer) => {
    said = (said + piece.toString()).slice(-4000);
  });
  try {
    const address = await firstLine(child, () => said);
    return {
      address,
      stop: async () => {
        await stop(child);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Replicas of the smallest network that charges and whose committee can change. */
const REPLICAS = 2;
/** Blocks of its epochs: more than a test sees, so that nobody who only stands for election is waited for. */
const EPOCH_BLOCKS = 10_000;

/** Starts a network of several replicas, each by its configuration, where an account has units from the start. */
export async function startNetwork(account: string, units: bigint): Promise<Node> {
  const folder = await temporaryFolder();
  // A gateway, and the ledger and data 1000 and 2000 above it; the ports below 32768 are nobody's for a moment.
  const port = 20_000 + Math.floor(Math.random() * 9_000);
  const words = ["net", "init", "--replicas", String(REPLICAS), "--epoch-blocks", String(EPOCH_BLOCKS)];
  const made = await moot([
    ...words,
    "--port",
    String(port),
    "--fund",
    `${account}=${String(units)}`,
    join(folder, "net"),
  ]);
  if (made.code !== 0) {
    throw new Error(`moot net init failed: ${made.stdout}`);
  }
  let said = "";
  const replicas = Array.from({ length: REPLICAS }, (_, at) => {
    const config = join(folder, "net", `replica-${String(at)}`, "replica.toml");
    const child = spawn(mootBinary(), ["up", "--json", "--config", config], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    child.stderr.on("data", (piece: Buffer) => {
      said = (said + piece.toString()).slice(-4000);
    });
    return child;
  });
  const stopAll = async (): Promise<void> => {
    await Promise.all(replicas.map(stop));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [address = ""] = await Promise.all(replicas.map(async (child) => firstLine(child, () => said)));
    return { address, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function firstLine(child: ChildProcess, said: () => string): Promise<string> {
  if (child.stdout === null) {
    throw new Error("the node has no output");
  }
  const lines = createInterface({ input: child.stdout });
  const late = AbortSignal.timeout(START_MS);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`moot up ended with ${String(code)} before it was ready:\n${said()}`);
  });
  const ready = once(lines, "line", { signal: late });
  const [line] = (await Promise.race([ready, ended])) as [string];
  ended.catch(() => undefined);
  return (JSON.parse(line) as { address: string }).address;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await exit;
  clearTimeout(timer);
}
