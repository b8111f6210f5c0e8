/** An application of itty-router, as its own documentation has them. Nothing in it knows where it runs. */

import { error, json, Router, StatusError, text, withContent, withParams, type IRequest } from "itty-router";

/** What `withParams` and `withContent` put on the request. */
interface Asked extends IRequest {
  id: string;
  content: { title?: string };
}

const router = Router<Asked, [env: { GREETING?: string }]>({
  base: "/itty",
  before: [withParams],
  catch: (thrown: unknown) => {
    if (thrown instanceof StatusError) {
      return error(thrown);
    }
    throw thrown;
  },
  finally: [json],
});

router
  .get("/", (_, env) => text(`${env.GREETING ?? "hello"} from itty-router\n`))
  .get("/books", () => [{ id: 1 }, { id: 2 }])
  .get("/books/:id", ({ id, query }) => ({ id, page: query["page"] ?? null }))
  .post("/books", withContent, ({ content }) => {
    if (content.title === undefined) {
      throw new StatusError(400, "a book has a title");
    }
    return json({ made: content.title }, { status: 201 });
  })
  .get("/files/:path+", ({ params }) => ({ path: params["path"] }))
  .get("/broken", async () => {
    await Promise.resolve();
    throw new Error("this page is broken");
  })
  .all("*", () => error(404, "no such page"));

export default router;
