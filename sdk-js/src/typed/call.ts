/** One export of a typed function, with the codecs of its parameters and of what it answers. */

import { type Client } from "../client/client.js";
import type { CallOptions } from "../client/call.js";
import { ProblemError, TransportError } from "../client/errors.js";
import type { Answer } from "../client/send.js";
import { MootError } from "../errors.js";
import { type Codec, MismatchError } from "./codec.js";

/** How a call is made. A typed answer is waited for. */
export interface TypedOptions extends Omit<CallOptions, "wait"> {
  readonly wait?: "executed" | "final";
  /** Is given the whole answer before it is read: its `call` is the address of the receipt. */
  readonly answered?: (answer: Answer) => void;
}

/** The function answered with the error of its `result`. */
export class Failed<E> extends MootError {
  override name = "Failed";

  constructor(
    /** The error. */
    readonly value: E,
    /** The node's words; `problem.call` is the call's address: it has a receipt too. */
    readonly problem: ProblemError,
  ) {
    super(problem.message, { cause: problem });
  }
}

/** An export: `new TypedExport("add", [u32, u32], u32)`. */
export class TypedExport<P extends readonly unknown[], T> {
  constructor(
    /** `name`, or `interface#name`. */
    readonly path: string,
    readonly parameters: { readonly [I in keyof P]: Codec<P[I]> },
    readonly answer: Codec<T>,
    /** The error's, where the result is a `result`. */
    readonly failure?: Codec<unknown>,
  ) {}

  /**
   * Calls it.
   *
   * @throws Failed when it answers with the error of its `result`; ProblemError when there is no such answer.
   */
  async call(client: Client, name: string, args: P, options: TypedOptions = {}): Promise<T> {
    const codecs = this.parameters as readonly Codec<unknown>[];
    const text = `[${codecs.map((codec, i) => argument(codec, args[i], i)).join(",")}]`;
    let answer: Answer;
    try {
      answer = await client.invokeJson(name, this.path, text, options);
    } catch (error) {
      throw this.#failed(error) ?? error;
    }
    options.answered?.(answer);
    return reading(() => this.answer.read(answer.json()));
  }

  #failed(error: unknown): Failed<unknown> | undefined {
    const { failure } = this;
    const typed = error instanceof ProblemError && error.kind === "function-failed" && error.status === 422;
    if (failure === undefined || !typed) {
      return undefined;
    }
    return new Failed(
      reading(() => failure.read(JSON.parse(error.problem.detail) as unknown)),
      error,
    );
  }
}

function argument(codec: Codec<unknown>, value: unknown, place: number): string {
  try {
    return codec.write(value);
  } catch (error) {
    if (error instanceof MismatchError) {
      throw new MismatchError(error.wanted, error.found, [`argument ${String(place + 1)}`, ...error.path]);
    }
    throw error;
  }
}

/** What is not of the type in an answer is the node's fault, or a sign that the function has changed. */
function reading<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MismatchError || error instanceof SyntaxError) {
      const hint = "has the function changed since its bindings were written?";
      throw new TransportError("foreign", `the answer is not of its type (${error.message}); ${hint}`);
    }
    throw error;
  }
}
