// Asks another server over HTTP and hands its answer on. `grants.http` in moot.toml decides what can be reached.

const SERVER = "https://example.com/";

export default {
  async fetch() {
    try {
      // Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
      const { status, body } = await fetch(SERVER);
      return new Response(body, { status });
    } catch (error) {
      return new Response(`${SERVER} could not be fetched: ${error}\n`, { status: 502 });
    }
  },
};
