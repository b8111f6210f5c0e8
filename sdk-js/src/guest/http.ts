/**
 * Functions of kind `http`: `export default { fetch(request) }`, as other platforms have it, so that applications and
 * routers written for those run unchanged.
 *
 * StarlingMonkey speaks `wasi:http` itself, with streamed bodies both ways, and for QuickJS `quickjs-http.ts` does; this
 * decides what is asked and what an error becomes.
 */

import { environment } from "./environment.js";
import { describe, report, UNEXPECTED } from "./errors.js";

/** What a `fetch` function is told beside the request and its environment. */
export interface ExecutionContext {
  /** Work that goes on after the answer was given: the instance lives until it is done. */
  waitUntil(work: Promise<unknown>): void;
  /** There is nothing to pass a request through to. */
  passThroughOnException(): void;
}

/** What an HTTP function's module exports as its default. */
export interface HttpFunction {
  fetch(
    request: Request,
    env: Record<string, string>,
    context: ExecutionContext,
  ): Response | Promise<Response>;
}

/** The fetch event of service workers, as far as it is used here. */
interface FetchEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}

/** Answers every request with `main`. Called once, when the component is made. */
export function serve(main: HttpFunction | HttpFunction["fetch"]): void {
  const listen = globalThis.addEventListener as unknown as (
    type: "fetch",
    listener: (event: FetchEvent) => void,
  ) => void;
  listen("fetch", (event) => {
    const background: ExecutionContext = {
      waitUntil: (work) => {
        event.waitUntil(work.catch(report));
      },
      passThroughOnException: () => undefined,
    };
    event.respondWith(Promise.resolve(answer(main, event.request, background)));
  });
}

/**
 * Asks `main` for paths while the component is made. What an engine and a router do once, at their first request, is
 * then done for every call: each begins with a copy of the memory that this leaves.
 *
 * @throws when `main` does, with its stack.
 */
export async function warmUp(
  main: HttpFunction | HttpFunction["fetch"],
  paths: readonly string[],
): Promise<void> {
  const work: Promise<unknown>[] = [];
  const background: ExecutionContext = {
    waitUntil: (promise) => {
      work.push(promise);
    },
    passThroughOnException: () => undefined,
  };
  for (const path of paths) {
    const request = new Request(new URL(path, "http://localhost"));
    const failed = (error: unknown): never => {
      throw new Error(`the warm-up with ${path} failed: ${describe(error)}`);
    };
    const response = await answer(main, request, background, {}, failed);
    await response.arrayBuffer();
  }
  await Promise.all(work);
}

/** What `main` answers, at once where it does; what it throws is written to the log, and the caller is told no more. */
export function answer(
  main: HttpFunction | HttpFunction["fetch"],
  request: Request,
  background: ExecutionContext,
  given?: Record<string, string>,
  failed: (error: unknown) => Response = unexpected,
): Response | Promise<Response> {
  try {
    const env = given ?? environment.all();
    const response =
      typeof main === "function" ? main(request, env, background) : main.fetch(request, env, background);
    return response instanceof Response ? response : Promise.resolve(response).then(checked).catch(failed);
  } catch (error) {
    return failed(error);
  }
}

function checked(response: unknown): Response {
  if (!(response instanceof Response)) {
    throw new TypeError(`fetch must answer with a Response, not with ${describe(response)}`);
  }
  return response;
}

/** What a caller is answered when nobody expected `error`, which is in the log then. */
export function unexpected(error: unknown): Response {
  report(error);
  const problem = { type: "about:blank", title: "Internal Server Error", status: 500, detail: UNEXPECTED };
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify(problem), { status: 500, headers });
}
