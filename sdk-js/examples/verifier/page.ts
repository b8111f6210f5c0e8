/**
 * A page that verifies a receipt: two files in, a verdict out.
 *
 * ```text
 * dropped or chosen files ──what are they?──► genesis, receipt ──verify──► verdict, in words
 * ```
 *
 * What a file says is shown as text, never as markup, and the page may not reach the network: its policy forbids it.
 */

import {
  type Checked,
  type Genesis,
  parseGenesis,
  VerifyError,
  verifyReceiptFile,
} from "@folkmoot/sdk/verify";

/** Larger than any file of these kinds; the verifier's own bounds are tighter. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

interface Source {
  readonly name: string;
  readonly text: string;
}

const files: { genesis?: Source; receipt?: Source } = {};
const verdict = find("verdict");

function find(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) {
    throw new Error(`the page has no element ${id}`);
  }
  return element;
}

/** An element with text or other elements in it. */
function make(tag: string, className: string, ...children: (string | Node)[]): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** What a file is, by what is in it, so that it does not matter where it is dropped. */
function kindOf(text: string): "genesis" | "receipt" | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      return "format" in value ? "receipt" : "validators" in value ? "genesis" : undefined;
    }
  } catch {
    // The verifier says better what is wrong with it.
  }
  return undefined;
}

async function take(list: Iterable<File>, meant?: "genesis" | "receipt"): Promise<void> {
  for (const file of list) {
    const text = file.size > MAX_FILE_BYTES ? "" : await file.text();
    const kind = kindOf(text) ?? meant ?? (files.genesis === undefined ? "genesis" : "receipt");
    files[kind] = { name: file.name, text };
  }
  show();
}

function show(): void {
  const genesis =
    files.genesis === undefined ? undefined : attempt(files.genesis, ({ text }) => parseGenesis(text));
  describe(
    "genesis",
    files.genesis,
    typeof genesis === "object" && !(genesis instanceof VerifyError) ? genesis : undefined,
  );
  describe("receipt", files.receipt);
  verdict.replaceChildren();
  verdict.className = "";
  if (genesis instanceof VerifyError) {
    refuse(genesis, files.genesis?.name ?? "");
  } else if (genesis !== undefined && files.receipt !== undefined) {
    const checked = attempt(files.receipt, ({ text }) => verifyReceiptFile(text, genesis));
    if (checked instanceof VerifyError) {
      refuse(checked, files.receipt.name);
    } else {
      accept(checked, genesis);
    }
  }
}

function attempt<T>(source: Source, read: (source: Source) => T): T | VerifyError {
  try {
    return read(source);
  } catch (error) {
    if (error instanceof VerifyError) {
      return error;
    }
    throw error;
  }
}

/** Says in a file's box what it holds. */
function describe(kind: "genesis" | "receipt", source: Source | undefined, genesis?: Genesis): void {
  if (source === undefined) {
    return;
  }
  find(`${kind}-file`).classList.add("there");
  const hint = find(`${kind}-hint`);
  hint.replaceChildren(source.name);
  if (genesis !== undefined) {
    hint.append(make("br", ""), `network ${genesis.name}, ${count(genesis.validators.length, "replica")}`);
    hint.append(make("br", ""), make("span", "mono", genesis.network));
  }
}

function refuse(error: VerifyError, name: string): void {
  verdict.className = "invalid";
  const banner = make(
    "div",
    "banner",
    make("b", "", "INVALID"),
    make("span", "", make("code", "", error.field), " does not fit"),
  );
  const reason = error.message.startsWith(`${error.field}: `)
    ? error.message.slice(error.field.length + 2)
    : error.message;
  verdict.append(
    banner,
    make(
      "div",
      "body",
      make("h2", "", "Why"),
      rows([
        ["reason", reason],
        ["file", name],
      ]),
    ),
  );
}

function accept(checked: Checked, genesis: Genesis): void {
  verdict.className = "valid";
  const { receipt, call } = checked;
  const to = call === null ? [] : [" to ", make("b", "", call.function)];
  const banner = make(
    "div",
    "banner",
    make("b", "", "VALID"),
    make("span", "", "receipt of call ", make("code", "", receipt.call), ...to),
  );
  const notProven = make("ul", "", ...gaps(checked).map((gap) => make("li", "", gap)));
  const body = make("div", "body", make("h2", "", "Proven"), rows(proven(checked, genesis)));
  body.append(make("h2", "", "Not proven"), notProven);
  verdict.append(banner, body);
}

type Row = readonly [name: string, ...value: (string | Node)[]];

function proven({ receipt, call, worker, finality }: Checked, genesis: Genesis): Row[] {
  const size = (bytes: bigint): string => `${bytes.toLocaleString("en")} ${bytes === 1n ? "byte" : "bytes"}`;
  const touched = receipt.touched.map(
    ({ kind, target, count: times }) => `${kind} ${target} ×${String(times)}`,
  );
  const asked: Row[] =
    call === null
      ? []
      : [
          [
            "called by",
            call.caller === null ? "nobody who signed" : mono(call.caller),
            below(time(call.time_us / 1000n)),
          ],
          ["input", size(call.input.bytes), below(mono(call.input.digest))],
        ];
  return [
    [
      "status",
      receipt.status,
      note(`in ${(Number(receipt.duration_us) / 1000).toLocaleString("en")} ms, as the worker says`),
    ],
    ["component", mono(receipt.component)],
    ...asked,
    ["output", size(receipt.output.bytes), below(mono(receipt.output.digest))],
    ["fuel", receipt.metered ? receipt.fuel.toLocaleString("en") : "not measured"],
    ["fee", (receipt.fee.ordering + receipt.fee.execution).toLocaleString("en")],
    ["touched", touched.length === 0 ? "nothing outside" : touched.join(", ")],
    ["signed by", mono(worker), note("the worker")],
    finality === null
      ? ["ordered", "not shown: this receipt has the worker's signature alone"]
      : [
          "ordered",
          `in block ${finality.height.toLocaleString("en")}`,
          note(`${time(finality.time_ms)}, by a quorum of ${count(genesis.validators.length, "replica")}`),
        ],
  ];
}

/** The gap in the evidence, stated. */
function gaps({ call, finality, receipt }: Checked): string[] {
  const gaps = [
    `That the output is what the component computes: one worker says so. “moot replay ${receipt.call}” computes it again.`,
    "That this is the network you mean: compare its digest with somebody you trust.",
  ];
  if (call === null) {
    gaps.push("What was asked: the file does not carry the call.");
  }
  if (finality === null) {
    gaps.push("That the ledger has it: ask the node for the final receipt.");
  }
  return gaps;
}

function rows(list: readonly Row[]): HTMLElement {
  return make(
    "dl",
    "",
    ...list.flatMap(([name, ...value]) => [make("dt", "", name), make("dd", "", ...value)]),
  );
}

const mono = (text: string): HTMLElement => make("span", "mono", text);
const note = (text: string | Node): HTMLElement => make("small", "", " ", text);
const below = (text: string | Node): HTMLElement => make("small", "below", text);
const count = (n: number, what: string): string => `${String(n)} ${what}${n === 1 ? "" : "s"}`;

function time(ms: bigint): string {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime())
    ? `${String(ms)} ms`
    : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

for (const kind of ["genesis", "receipt"] as const) {
  const input = find(`${kind}-input`) as HTMLInputElement;
  input.addEventListener("change", () => {
    void take(input.files ?? [], kind);
  });
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) {
    document.body.classList.remove("over");
  }
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const box = event.target instanceof Element ? event.target.closest(".file") : null;
  const meant = box?.id === "genesis-file" ? "genesis" : box?.id === "receipt-file" ? "receipt" : undefined;
  void take(event.dataTransfer?.files ?? [], meant);
});
