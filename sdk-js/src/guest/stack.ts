/**
 * Stacks in the guest's own lines.
 *
 * What runs is one bundle. `moot build` leaves a table in it that says where each of its lines comes from; it is read
 * only when something was thrown.
 *
 *     handle@function.js:120:9            (StarlingMonkey)
 *         at handle (/function.js:120:9)  (QuickJS)
 *                      └──► at handle (src/index.ts:7)
 */

/** Where the lines of the bundle come from. */
export interface Lines {
  /** The bundle's name in stacks. */
  bundle: string;
  /** The files, as the project names them; those that are not the project's own are empty. */
  files: string[];
  /** Runs of lines: the first line in the bundle, the file's index, the line there. Ordered. */
  runs: [number, number, number][];
}

/** Where the table is left. */
const LINES = Symbol.for("folkmoot.lines");

const FRAME = /^(?:at )?(.*?)(?:@| \()?([^\s@(]*):(\d+):(\d+)\)?$/;

/** A stack in the guest's own files and lines; the engine's and this package's own frames are left out. */
export function readable(stack: string): string {
  const lines = (globalThis as { [LINES]?: Lines })[LINES];
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const [, name = "", file = "", at = ""] = FRAME.exec(line.trim()) ?? [];
    if (file === "") {
      continue;
    }
    const place = lines === undefined ? `${file}:${at}` : origin(lines, file, Number(at));
    if (place !== null) {
      frames.push(name === "" || name === "<anonymous>" ? `    at ${place}` : `    at ${name} (${place})`);
    }
  }
  return frames.join("\n");
}

/** `src/index.ts:7`, or null for a line that is not the project's own. */
function origin(lines: Lines, file: string, line: number): string | null {
  if (!file.endsWith(lines.bundle)) {
    return null;
  }
  const run = lines.runs.findLast(([first]) => first <= line);
  if (run === undefined) {
    return null;
  }
  const [first, index, there] = run;
  const source = lines.files[index] ?? "";
  return source === "" ? null : `${source}:${String(there + line - first)}`;
}
