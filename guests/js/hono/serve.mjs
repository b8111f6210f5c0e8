// The same application on bare Node, by Hono's own server: what `cargo xtask guests --measure` compares with.
import { serve } from "@hono/node-server";
import app from "./src/index.ts";

const fetch = (request) => app.fetch(request, { GREETING: "good day" });
serve({ fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(port));
