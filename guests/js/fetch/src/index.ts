/**
 * Fetches the URL in its query and hands the answer on: `.../?url=https%3A%2F%2Fexample.com%2F`.
 *
 * What it may reach is not its own decision: `grants.http` in moot.toml is, and everything else is refused by the host
 * before a packet leaves.
 */

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url).searchParams.get("url");
    if (url === null) {
      return new Response("say what to fetch: ?url=https%3A%2F%2Fexample.com%2F\n", { status: 400 });
    }
    let outbound: URL;
    try {
      outbound = new URL(url);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return new Response(`${JSON.stringify(url)} is not a URL: ${why}\n`, { status: 400 });
    }
    try {
      // Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
      const { status, body } = await fetch(outbound);
      return new Response(body, { status });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return new Response(`${url} could not be fetched: ${why}\n`, { status: 502 });
    }
  },
};
