// Where each line of the bundle comes from, out of its source map: what a stack needs, in runs of lines.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of one segment of a source map (base 64, five bits a digit, the lowest bit is the sign). */
function decode(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    if (bits & 32) {
      shift += 5;
    } else {
      numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
      value = 0;
      shift = 0;
    }
  }
  return numbers;
}

/** `[first line of the bundle, file's index, line there]`, counted from 1, for each run of lines that go together. */
export function runsOf(mappings) {
  const runs = [];
  let file = 0;
  let line = 0;
  let previous;
  for (const [index, text] of mappings.split(";").entries()) {
    let first;
    for (const segment of text === "" ? [] : text.split(",")) {
      const [, fileStep, lineStep] = decode(segment);
      if (fileStep !== undefined) {
        file += fileStep;
        line += lineStep;
        first ??= { file, line };
      }
    }
    if (first === undefined) {
      continue;
    }
    const at = index + 1;
    const there = first.line + 1;
    const goesOn = previous !== undefined && previous.file === first.file && previous.there - previous.at === there - at;
    if (!goesOn) {
      runs.push([at, first.file, there]);
    }
    previous = { file: first.file, at, there };
  }
  return runs;
}
