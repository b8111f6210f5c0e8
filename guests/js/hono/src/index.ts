/** A Hono application, as its own documentation has them. Nothing in it knows where it runs. */

import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";

const app = new Hono<{ Bindings: { GREETING?: string } }>().basePath("/hono");

app.use("/api/*", cors());
app.get("/", (c) => c.text(`${c.env.GREETING ?? "hello"} from Hono\n`));
app.get("/api/books/:id{[0-9]+}", (c) => c.json({ id: Number(c.req.param("id")), page: c.req.query("page") ?? null }));
app.post("/api/books", async (c) => {
  const book = await c.req.json<{ title: string }>();
  return c.json({ made: book.title }, 201);
});
app.get("/count", (c) =>
  stream(c, async (out) => {
    for (const number of [1, 2, 3]) {
      await out.writeln(String(number));
    }
  }),
);
app.get("/teapot", () => {
  throw new HTTPException(418, { message: "short and stout" });
});
app.get("/broken", () => {
  throw new Error("this page is broken");
});
app.notFound((c) => c.text("no such page\n", 404));

export default app;
