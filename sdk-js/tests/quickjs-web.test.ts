/** What functions in QuickJS have of the web, against Node's own: the same programs come to the same ends. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import "./interfaces.js";

// After `interfaces`, which teaches Node where `wasi:` is.
const abort = await import("../src/guest/quickjs-abort.js");
const form = await import("../src/guest/quickjs-form.js");
const { QuickHeaders } = await import("../src/guest/quickjs-headers.js");
const { QuickReadableStream } = await import("../src/guest/quickjs-readable.js");
const { QuickRequest } = await import("../src/guest/quickjs-request.js");
const { QuickResponse } = await import("../src/guest/quickjs-response.js");
const writable = await import("../src/guest/quickjs-writable.js");

type Web = Pick<
  typeof globalThis,
  | "AbortController"
  | "AbortSignal"
  | "Blob"
  | "Event"
  | "EventTarget"
  | "File"
  | "FormData"
  | "Headers"
  | "ReadableStream"
  | "Request"
  | "Response"
  | "TextDecoderStream"
  | "TextEncoderStream"
  | "TransformStream"
  | "WritableStream"
>;

const node: Web = globalThis;
const own = {
  AbortController: abort.QuickAbortController,
  AbortSignal: abort.QuickAbortSignal,
  Blob: form.QuickBlob,
  Event: abort.QuickEvent,
  EventTarget: abort.QuickEventTarget,
  File: form.QuickFile,
  FormData: form.QuickFormData,
  Headers: QuickHeaders,
  ReadableStream: QuickReadableStream,
  Request: QuickRequest,
  Response: QuickResponse,
  TextDecoderStream: writable.QuickTextDecoderStream,
  TextEncoderStream: writable.QuickTextEncoderStream,
  TransformStream: writable.QuickTransformStream,
  WritableStream: writable.QuickWritableStream,
} as unknown as Web;

/** What a program comes to: its value, or the kind of its error. */
async function end(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error.name : { thrown: error };
  }
}

type Program = (web: Web) => unknown;

function alike(programs: Record<string, Program>): void {
  for (const [name, program] of Object.entries(programs)) {
    test(name, async () => {
      const expected = await end(() => program(node));
      assert.notEqual(expected, undefined);
      assert.deepEqual(await end(() => program(own)), expected);
    });
  }
}

/** A stream of these parts, one for each time it is asked. */
function parts<T>(web: Web, items: T[], cancelled: unknown[] = []): ReadableStream<T> {
  const left = [...items];
  return new web.ReadableStream<T>({
    pull(controller) {
      const item = left.shift();
      if (item === undefined) {
        controller.close();
      } else {
        controller.enqueue(item);
      }
    },
    cancel(reason) {
      cancelled.push(reason);
    },
  });
}

async function drain<T>(stream: ReadableStream<T>): Promise<T[]> {
  const items: T[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return items;
    }
    items.push(value);
  }
}

/** Long enough for everything that needs no clock. */
const later = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Whether a promise is settled, and how. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = later().then(() => "pending");
  return Promise.race([promise.then(() => "fulfilled").catch(() => "rejected"), pending]);
}

describe("a readable stream", () => {
  alike({
    "gives what its source puts in, and ends": async (web) => {
      const stream = new web.ReadableStream<number>({
        start(controller) {
          controller.enqueue(1);
          controller.enqueue(2);
          controller.close();
        },
      });
      const reader = stream.getReader();
      const got = [await reader.read(), await reader.read(), await reader.read(), await reader.read()];
      return [got, await stateOf(reader.closed), stream.locked];
    },
    "asks its source for as much as it takes": async (web) => {
      const sizes: unknown[] = [];
      let asked = 0;
      const source: UnderlyingDefaultSource<string> = {
        start: (controller) => {
          sizes.push(controller.desiredSize);
        },
        pull: (controller) => {
          asked += 1;
          controller.enqueue("ab");
          sizes.push(controller.desiredSize);
        },
      };
      const stream = new web.ReadableStream(source, { highWaterMark: 5, size: (text) => text.length });
      await later();
      const before = asked;
      await stream.getReader().read();
      await later();
      return [before, asked, sizes];
    },
    "is asked again only when its source has answered": async (web) => {
      let asked = 0;
      const stream = new web.ReadableStream<number>({
        async pull(controller) {
          asked += 1;
          await later();
          controller.enqueue(asked);
        },
      });
      const reader = stream.getReader();
      const reads = [reader.read(), reader.read(), reader.read()];
      const now = asked;
      return [now, await Promise.all(reads)];
    },
    "fails with what its source throws": async (web) => {
      const stream = new web.ReadableStream({
        pull() {
          throw new RangeError("broken");
        },
      });
      const reader = stream.getReader();
      return [
        await end(async () => reader.read()),
        await end(async () => reader.closed),
        await end(async () => reader.cancel()),
      ];
    },
    "tells its source that nobody wants it": async (web) => {
      const reasons: unknown[] = [];
      const stream = parts(web, [1, 2, 3], reasons);
      await stream.cancel("enough");
      return [reasons, await drain(stream)];
    },
    "takes nothing after its end": async (web) => {
      let held: ReadableStreamDefaultController | undefined;
      const stream = new web.ReadableStream({
        start(controller) {
          held = controller;
          controller.close();
        },
      });
      return [
        await end(() => held?.enqueue(1)),
        await end(() => {
          held?.close();
        }),
        await drain(stream),
      ];
    },
    "has one reader at a time": async (web) => {
      const stream = parts(web, [1, 2]);
      const reader = stream.getReader();
      const second = await end(() => stream.getReader());
      const cancelled = await end(async () => stream.cancel());
      await reader.read();
      reader.releaseLock();
      const released = await end(async () => reader.read());
      return [second, cancelled, released, await end(async () => reader.closed), await drain(stream)];
    },
    "refuses the reads of a reader that let go": async (web) => {
      const stream = new web.ReadableStream();
      const reader = stream.getReader();
      const read = reader.read();
      reader.releaseLock();
      return [await end(async () => read), stream.locked];
    },
    "has two branches": async (web) => {
      const [left, right] = parts(web, ["a", "b", "c"]).tee();
      return [await drain(left), await drain(right)];
    },
    "is cancelled when both branches are": async (web) => {
      const reasons: unknown[] = [];
      const [left, right] = parts(web, [1, 2, 3], reasons).tee();
      const first = left.cancel("left");
      const still = [...reasons];
      await Promise.all([first, right.cancel("right")]);
      return [still, reasons];
    },
    "fails in both branches": async (web) => {
      const stream = new web.ReadableStream({
        pull() {
          throw new RangeError("broken");
        },
      });
      const [left, right] = stream.tee();
      return [await end(async () => drain(left)), await end(async () => drain(right))];
    },
    "is gone through, and let go of early": async (web) => {
      const reasons: unknown[] = [];
      const stream = parts(web, [1, 2, 3], reasons);
      const seen: number[] = [];
      for await (const item of stream) {
        seen.push(item);
        if (item === 2) {
          break;
        }
      }
      return [seen, reasons, stream.locked];
    },
    "is made of whatever can be gone through": async (web) => {
      async function* slowly(): AsyncGenerator<string> {
        await later();
        yield "x";
        yield "y";
      }
      const from = (items: Iterable<unknown> | AsyncIterable<unknown>): ReadableStream =>
        (web.ReadableStream as unknown as { from(items: unknown): ReadableStream }).from(items);
      return [await drain(from([1, 2])), await drain(from("ab")), await drain(from(slowly()))];
    },
  });
});

/** A stream that keeps what is written to it. */
function sink<T = unknown>(web: Web, seen: unknown[], limit?: number): WritableStream<T> {
  return new web.WritableStream<T>(
    {
      async write(chunk) {
        await later();
        if (chunk === "bad") {
          throw new RangeError("bad");
        }
        seen.push(chunk);
      },
      close() {
        seen.push("closed");
      },
      abort(reason) {
        seen.push(["aborted", reason instanceof Error ? reason.name : reason]);
      },
    },
    limit === undefined ? {} : { highWaterMark: limit },
  );
}

describe("a writable stream", () => {
  alike({
    "writes one after the other, and ends": async (web) => {
      const seen: unknown[] = [];
      const writer = sink(web, seen).getWriter();
      const writes = [writer.write(1), writer.write(2)];
      const size = writer.desiredSize;
      await Promise.all(writes);
      await writer.close();
      return [
        seen,
        size,
        await stateOf(writer.closed),
        (await end(async () => writer.write(3))) !== undefined,
      ];
    },
    "says when there is room": async (web) => {
      const writer = sink(web, [], 2).getWriter();
      const states = [await stateOf(writer.ready), writer.desiredSize];
      void writer.write(1);
      states.push(writer.desiredSize);
      const last = writer.write(2);
      const full = writer.ready;
      states.push(writer.desiredSize);
      await last;
      return [...states, await stateOf(full), writer.desiredSize];
    },
    "refuses everything after an error": async (web) => {
      const seen: unknown[] = [];
      const writer = sink(web, seen).getWriter();
      writer.closed.catch(() => undefined);
      writer.ready.catch(() => undefined);
      const ends = await Promise.all([
        end(async () => writer.write("bad")),
        end(async () => writer.write("after")),
        end(async () => writer.close()),
      ]);
      return [ends, seen, await end(async () => writer.closed)];
    },
    "can be given up": async (web) => {
      const seen: unknown[] = [];
      const stream = sink(web, seen);
      await stream.abort("why");
      const writer = stream.getWriter();
      return [seen, await end(async () => writer.write(1)), await end(async () => writer.closed)];
    },
    "has one writer at a time": async (web) => {
      const stream = sink(web, []);
      const writer = stream.getWriter();
      const ends = [await end(() => stream.getWriter()), await end(async () => stream.close())];
      writer.releaseLock();
      return [...ends, stream.locked, await end(async () => writer.write(1))];
    },
  });
});

const upper = (web: Web): TransformStream<string, string> =>
  new web.TransformStream<string, string>({
    transform(chunk, controller) {
      if (chunk === "stop") {
        controller.terminate();
      } else if (chunk === "bad") {
        throw new RangeError("bad");
      } else if (chunk !== "") {
        controller.enqueue(chunk.toUpperCase());
      }
    },
    flush(controller) {
      controller.enqueue("end");
    },
  });

describe("a pipe", () => {
  alike({
    "brings everything, and the end": async (web) => {
      const seen: unknown[] = [];
      await parts(web, [1, 2]).pipeTo(sink(web, seen));
      return seen;
    },
    "leaves the other side open where it is told to": async (web) => {
      const seen: unknown[] = [];
      const to = sink(web, seen);
      await parts(web, [1]).pipeTo(to, { preventClose: true });
      await to.getWriter().write(2);
      return seen;
    },
    "ends both sides when one fails": async (web) => {
      const seen: unknown[] = [];
      const reasons: unknown[] = [];
      const thrown = await end(async () => parts(web, [1, "bad", 2], reasons).pipeTo(sink(web, seen)));
      const failing = new web.ReadableStream({
        pull() {
          throw new TypeError("no more");
        },
      });
      const other = await end(async () => failing.pipeTo(sink(web, seen)));
      return [thrown, reasons.length, other, seen];
    },
    "stops when it is told to": async (web) => {
      const controller = new web.AbortController();
      const reasons: unknown[] = [];
      const seen: unknown[] = [];
      const never = new web.ReadableStream({
        cancel(reason) {
          reasons.push((reason as Error).name);
        },
      });
      const piped = never.pipeTo(sink(web, seen), { signal: controller.signal });
      controller.abort();
      return [await end(async () => piped), reasons, seen];
    },
    "goes through what changes it": async (web) => drain(parts(web, ["a", "", "b"]).pipeThrough(upper(web))),
    "goes through nothing that changes it": async (web) =>
      drain(parts(web, [1, 2]).pipeThrough(new web.TransformStream())),
    "ends where a transform ends it": async (web) =>
      drain(parts(web, ["a", "stop", "b"]).pipeThrough(upper(web))),
    "fails where a transform fails": async (web) =>
      drain(parts(web, ["a", "bad", "b"]).pipeThrough(upper(web))),
    "waits until somebody reads": async (web) => {
      const { readable, writable } = new web.TransformStream<number, number>();
      const writer = writable.getWriter();
      const first = writer.write(1);
      const before = await stateOf(first);
      const read = await readable.getReader().read();
      return [before, await stateOf(first), read, await stateOf(writer.write(2))];
    },
    "turns text into bytes, and halves of pairs into characters": async (web) => {
      const stream = parts(web, ["a\ud83d", "\ude00", "", "\ud83d"]).pipeThrough(new web.TextEncoderStream());
      return drain(stream);
    },
    "turns bytes into text wherever they are cut": async (web) => {
      const bytes = new TextEncoder().encode("\ufeffé€😀x");
      const ends: unknown[] = [];
      for (let size = 1; size < 6; size += 1) {
        const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.slice(at * size, at * size + size),
        );
        const texts = await drain(
          parts(web, cut).pipeThrough(
            new web.TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>,
          ),
        );
        ends.push(texts.join(""));
      }
      const unfinished = parts(web, [bytes.slice(0, 4)]);
      ends.push(
        (
          await drain(
            unfinished.pipeThrough(
              new web.TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>,
            ),
          )
        ).join(""),
      );
      return ends;
    },
  });
});

describe("a request", () => {
  alike({
    "has the parts it was made of": (web) => {
      const request = new web.Request("http://h/a b?c=d#e", { headers: { "X-A": " b " } });
      return [request.method, request.url, request.headers.get("x-a"), request.body, request.bodyUsed];
    },
    "has its methods in one case": (web) =>
      ["get", "Post", "patch", "x-Odd"].map((method) => new web.Request("http://h/", { method }).method),
    "refuses what no request can be": async (web) => [
      await end(() => new web.Request("no url")),
      await end(() => new web.Request("http://h/", { method: "a b" })),
      await end(() => new web.Request("http://h/", { method: "TRACE" })),
      await end(() => new web.Request("http://h/", { body: "x" })),
      await end(() => new web.Request("http://h/", { headers: { "a b": "c" } })),
    ],
    "is made of another": async (web) => {
      const first = new web.Request("http://h/", { method: "POST", body: "text", headers: { a: "b" } });
      const copy = first.clone();
      const second = new web.Request(first, { headers: { c: "d" } });
      return [
        first.bodyUsed,
        [...second.headers],
        second.method,
        await second.text(),
        await copy.text(),
        [...copy.headers],
        await end(async () => first.text()),
        await end(() => first.clone()),
      ];
    },
    "is stopped by its signal, or by none": (web) => {
      const controller = new web.AbortController();
      const request = new web.Request("http://h/", { signal: controller.signal });
      const without = new web.Request("http://h/");
      controller.abort();
      return [request.signal.aborted, without.signal.aborted];
    },
  });
});

const BODIES: Record<string, (web: Web) => BodyInit> = {
  text: () => "é",
  bytes: () => new Uint8Array([0xc3, 0xa9]),
  view: () => new DataView(new Uint8Array([0, 0xc3, 0xa9]).buffer, 1),
  parameters: () => new URLSearchParams({ a: "b c", é: "&" }),
  blob: (web) => new web.Blob(["é"], { type: "Text/X" }),
  stream: (web) => parts(web, [new Uint8Array([0xc3]), new Uint8Array([0xa9])]),
};

describe("an answer", () => {
  alike({
    "has the parts it was made of": (web) => {
      const response = new web.Response("x", { status: 404, statusText: "Gone", headers: [["a", "b"]] });
      const { status, statusText, ok, url, redirected, type } = response;
      return [status, statusText, ok, url, redirected, type, [...response.headers]];
    },
    "is one of the usual": async (web) => {
      const json = web.Response.json({ a: 1 }, { status: 201 });
      const redirect = web.Response.redirect("http://h/x", 308);
      const error = web.Response.error();
      const shown = (response: Response): unknown => [response.status, [...response.headers], response.type];
      return [shown(json), (await json.json()) as unknown, shown(redirect), shown(error)];
    },
    "refuses what no answer can be": async (web) => [
      await end(() => new web.Response(null, { status: 99 })),
      await end(() => new web.Response("x", { status: 204 })),
      await end(() => web.Response.redirect("http://h/", 200)),
      await end(() => web.Response.json(undefined)),
      await end(() => new web.Response(null, { headers: { a: "b\nc" } })),
    ],
    "is read once, in any way": async (web) => {
      const ends: unknown[] = [];
      for (const make of Object.values(BODIES)) {
        const text = new web.Response(make(web));
        ends.push(text.headers.get("content-type"), await text.text(), text.bodyUsed);
        ends.push(await end(async () => text.text()));
        ends.push(await new web.Response(make(web)).arrayBuffer());
        const stream = new web.Response(make(web)).body;
        ends.push(Buffer.concat(await drain(stream ?? parts(web, []))));
        const twice = new web.Response(make(web));
        ends.push(await twice.clone().text(), await twice.text());
      }
      return ends;
    },
    "has no body where it was given none": async (web) => {
      const response = new web.Response();
      return [response.body, await response.text(), await response.text(), response.bodyUsed];
    },
    "belongs to who reads its stream": async (web) => {
      const response = new web.Response("text");
      const reader = response.body?.getReader();
      const locked = [await end(async () => response.text()), await end(() => response.clone())];
      await reader?.read();
      return [locked, response.bodyUsed, await end(() => new web.Response(response.body))];
    },
    "has JSON or says so": async (web) => [
      (await new web.Response('{"a":[1]}').json()) as unknown,
      await end(async () => new web.Response("{").json()),
    ],
    "is a blob with its type": async (web) => {
      const response = new web.Response("x", { headers: { "content-type": "text/Odd" } });
      const blob = await response.blob();
      return [blob.size, await blob.text(), await blob.slice(0, 0).text()];
    },
  });
});

const MULTIPART = [
  '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\none\r\ntwo\r\n',
  '--b\r\nContent-Disposition: form-data; name="f%22"; filename="x.txt"\r\nContent-Type: text/y\r\n\r\n\x00\xff\r\n',
  '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n--b--\r\n',
].join("");

async function shownForm(read: FormData): Promise<unknown[]> {
  const shown: unknown[] = [];
  for (const [name, value] of read) {
    shown.push(
      typeof value === "string" ? [name, value] : [name, value.name, value.type, await value.text()],
    );
  }
  return shown;
}

describe("a form", () => {
  alike({
    "is read from both shapes": async (web) => {
      const urlencoded = new web.Response(
        new URLSearchParams([
          ["a", "b c"],
          ["a", "é"],
        ]),
      );
      const type = "multipart/form-data; boundary=b";
      const multipart = new web.Response(Buffer.from(MULTIPART, "latin1"), {
        headers: { "content-type": type },
      });
      return [await shownForm(await urlencoded.formData()), await shownForm(await multipart.formData())];
    },
    "is what it was after the wire": async (web) => {
      const made = new web.FormData();
      made.append("plain", "a\r\nb");
      made.append('odd "name"', "é");
      made.append("file", new web.Blob(["\0"], { type: "x/y" }), "n.bin");
      made.append("blob", new web.Blob([]));
      const response = new web.Response(made);
      const type = response.headers.get("content-type") ?? "";
      return [type.split(";")[0], await shownForm(await response.formData())];
    },
    "is refused when it is none": async (web) => {
      const broken = (text: string, type: string): unknown =>
        end(async () => new web.Response(text, { headers: { "content-type": type } }).formData());
      return [
        await broken("a=b", "text/plain"),
        await broken("--b", "multipart/form-data"),
        await broken("--b\r\nx", "multipart/form-data; boundary=b"),
        await broken("nothing", "multipart/form-data; boundary=b"),
        await broken(MULTIPART.slice(0, -12), "multipart/form-data; boundary=b"),
      ];
    },
    "is changed by name": async (web) => {
      const made = new web.FormData();
      for (const [name, value] of [
        ["a", "1"],
        ["b", "2"],
        ["a", "3"],
      ] as const) {
        made.append(name, value);
      }
      made.set("a", "4");
      made.set("c", "5");
      const all = made.getAll("a");
      made.delete("b");
      return [all, made.get("b"), made.has("c"), await shownForm(made), [...made.keys()]];
    },
  });
});

describe("a signal", () => {
  alike({
    "says stop once, and why": async (web) => {
      const controller = new web.AbortController();
      const said: unknown[] = [];
      controller.signal.addEventListener("abort", (event) => said.push(event.type));
      controller.signal.onabort = () => said.push("property");
      controller.abort("why");
      controller.abort("again");
      return [
        said,
        controller.signal.reason as unknown,
        await end(() => {
          controller.signal.throwIfAborted();
        }),
      ];
    },
    "has a reason of its own": (web) => {
      const { reason } = web.AbortSignal.abort() as { reason: DOMException };
      return [reason.name, reason instanceof DOMException];
    },
    "is any of several": (web) => {
      const [a, b] = [new web.AbortController(), new web.AbortController()];
      const any = web.AbortSignal.any([a.signal, b.signal]);
      b.abort(7);
      const again = web.AbortSignal.any([a.signal, b.signal]);
      return [any.aborted, any.reason as unknown, again.reason as unknown];
    },
    "is an event like others": (web) => {
      const target = new web.EventTarget();
      const said: string[] = [];
      const controller = new web.AbortController();
      const often = (): void => void said.push("often");
      target.addEventListener("x", often);
      target.addEventListener("x", often);
      target.addEventListener("x", () => said.push("once"), { once: true });
      target.addEventListener("x", () => said.push("until"), { signal: controller.signal });
      target.addEventListener("x", {
        handleEvent: (event) => {
          event.preventDefault();
        },
      });
      const first = target.dispatchEvent(new web.Event("x", { cancelable: true }));
      controller.abort();
      const second = target.dispatchEvent(new web.Event("x"));
      target.removeEventListener("x", often);
      target.dispatchEvent(new web.Event("y"));
      target.dispatchEvent(new web.Event("x"));
      return [first, second, said];
    },
  });
});
