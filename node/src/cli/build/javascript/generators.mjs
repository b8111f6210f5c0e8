// Async functions as generators, in the text of a bundle. QuickJS goes on with no promise of its own; what calls these is
// `spawn` of `quickjs-promise.ts`. Nothing else is changed, and no line moves.
//
//     async function f(a, b = 1) { await a; }
//     function f($0) { return __moot_spawn(function* (a, b = 1) { (yield a); }, this, arguments); }

const SPAWN = "__moot_spawn";

/** What is not written as a generator here: the bundler does it, at the price of an older language throughout. */
export class Unfit extends Error {}

const FUNCTIONS = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"];

function* children(node) {
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (typeof item?.type === "string") {
        yield item;
      }
    }
  }
}

/** Whether `test` holds of something in a function that belongs to it: functions within have their own, but for arrows. */
function has(node, test) {
  for (const child of children(node)) {
    const own = !FUNCTIONS.includes(child.type) || child.type === "ArrowFunctionExpression";
    if (test(child) || (own && has(child, test))) {
      return true;
    }
  }
  return false;
}

const isSuper = ({ type }) => type === "Super";
const isOfTheFunction = (node) =>
  isSuper(node) || node.type === "MetaProperty" || (node.type === "Identifier" && node.name === "arguments");

/** Parameters that only count: a function's length is seen by who calls it. */
function counted(params) {
  const first = params.findIndex(({ type }) => type === "AssignmentPattern" || type === "RestElement");
  return params.slice(0, first === -1 ? params.length : first).map((_, at) => `$${at}`);
}

/** What stands before and after the generator of a function that has `arguments`. */
function around(params, generator = "") {
  return [`(${counted(params).join(", ")}) { return ${SPAWN}(${generator}`, ", this, arguments); }"];
}

class Rewriting {
  edits = [];
  hidden = 0;

  constructor(code) {
    this.code = code;
  }

  insert(at, text) {
    this.edits.push({ at, end: at, text });
  }

  /** Takes `async` away, which is between two places. */
  removeAsync(from, to) {
    const at = from + this.code.slice(from, to).search(/\basync\b/);
    this.edits.push({ at, end: at + "async".length, text: "" });
  }

  visit(node, awaits = false) {
    if (node.type === "MethodDefinition" || (node.type === "Property" && node.method)) {
      this.method(node, awaits);
    } else if (FUNCTIONS.includes(node.type)) {
      this.function(node);
    } else if (awaits && node.type === "AwaitExpression") {
      this.edits.push({ at: node.start, end: node.start + "await".length, text: "(yield" });
      this.inside(node, true);
      this.insert(node.end, ")");
    } else if (awaits && node.type === "ForOfStatement" && node.await) {
      throw new Unfit("for await");
    } else {
      this.inside(node, awaits);
    }
  }

  inside(node, awaits) {
    for (const child of children(node)) {
      this.visit(child, awaits);
    }
  }

  function(node) {
    if (!node.async) {
      this.inside(node, false);
      return;
    }
    if (node.generator) {
      throw new Unfit("an async generator");
    }
    if (node.type === "ArrowFunctionExpression") {
      this.arrow(node);
      return;
    }
    const [before, after] = around(node.params, "function* ");
    const open = this.code.indexOf("(", node.id?.end ?? node.start);
    this.removeAsync(node.start, open);
    this.insert(open, before);
    this.inside(node, true);
    this.insert(node.end, after);
  }

  arrow(node) {
    // An arrow has these of the function around it, and a generator its own.
    if (has(node, isOfTheFunction)) {
      throw new Unfit("an async arrow with arguments, super or new.target");
    }
    const names = counted(node.params);
    const all = (names.length === node.params.length ? names : [...names, "...$"]).join(", ");
    const arrow = this.code.indexOf("=>", node.params.at(-1)?.end ?? node.start);
    const open = node.start + "async".length + this.code.slice(node.start + "async".length).search(/\S/);
    const bare = this.code[open] !== "(";
    this.removeAsync(node.start, open);
    this.insert(open, `(${all}) => ${SPAWN}(function* ${bare ? "(" : ""}`);
    this.edits.push({ at: arrow, end: arrow + "=>".length, text: `${bare ? ")" : ""}${node.expression ? "{ return (" : ""}` });
    this.inside(node, true);
    this.insert(node.end, `${node.expression ? "); }" : ""}, this, [${all}])`);
  }

  method(node, awaits) {
    // A computed key belongs to what is around.
    if (node.computed) {
      this.visit(node.key, awaits);
    }
    const { value } = node;
    if (!value.async) {
      this.inside(value, false);
      return;
    }
    if (value.generator) {
      throw new Unfit("an async generator");
    }
    this.removeAsync(node.start, node.key.start);
    if (!has(value, isSuper)) {
      const [before, after] = around(value.params, "function* ");
      this.insert(value.start, before);
      this.inside(value, true);
      this.insert(value.end, after);
      return;
    }
    // `super` is a method's alone: the generator becomes a method too.
    if (node.computed) {
      throw new Unfit("an async method with super and a computed name");
    }
    const name = `$generator${this.hidden}`;
    this.hidden += 1;
    this.edits.push({ at: node.key.start, end: node.key.end, text: `*${name}` });
    this.inside(value, true);
    const own = this.code.slice(node.key.start, node.key.end);
    const between = node.type === "Property" ? ", " : node.static ? " static " : " ";
    this.insert(value.end, between + own + around(value.params, `this.${name}`).join(""));
  }

  text() {
    // Of edits at one place the earlier comes first: what opens outside before inside, what closes the other way round.
    const ordered = this.edits.map((edit, index) => ({ ...edit, index }));
    ordered.sort((a, b) => a.at - b.at || a.index - b.index);
    let text = "";
    let at = 0;
    for (const edit of ordered) {
      text += this.code.slice(at, edit.at) + edit.text;
      at = edit.end;
    }
    return text + this.code.slice(at);
  }
}

/** The same module, whose async functions are generators; `program` is its syntax tree. */
export function asGenerators(code, program) {
  const rewriting = new Rewriting(code);
  rewriting.visit(program);
  return rewriting.text();
}
