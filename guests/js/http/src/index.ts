/** Greets over HTTP, with nothing of this platform in it. `.../echo` streams the request's body back as it comes. */

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/echo")) {
      return new Response(request.body);
    }
    return new Response(`hello from ${pathname}\n`, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};
