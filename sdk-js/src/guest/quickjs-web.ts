/** The web's globals that a function in QuickJS has where it speaks HTTP: one that answers it, or that may `fetch`. */

import { QuickAbortController, QuickAbortSignal, QuickEvent, QuickEventTarget } from "./quickjs-abort.js";
import { QuickBlob, QuickFile, QuickFormData } from "./quickjs-form.js";
import { putIntoGlobals } from "./quickjs-globals.js";
import { QuickHeaders } from "./quickjs-headers.js";
import { QuickReadableStream } from "./quickjs-readable.js";
import { QuickRequest } from "./quickjs-request.js";
import { QuickResponse } from "./quickjs-response.js";
import {
  QuickTextDecoderStream,
  QuickTextEncoderStream,
  QuickTransformStream,
  QuickWritableStream,
} from "./quickjs-writable.js";

putIntoGlobals({
  AbortController: QuickAbortController,
  AbortSignal: QuickAbortSignal,
  Blob: QuickBlob,
  Event: QuickEvent,
  EventTarget: QuickEventTarget,
  File: QuickFile,
  FormData: QuickFormData,
  Headers: QuickHeaders,
  ReadableStream: QuickReadableStream,
  Request: QuickRequest,
  Response: QuickResponse,
  TextDecoderStream: QuickTextDecoderStream,
  TextEncoderStream: QuickTextEncoderStream,
  TransformStream: QuickTransformStream,
  WritableStream: QuickWritableStream,
});
