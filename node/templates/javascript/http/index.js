// Answers HTTP requests, as service workers do: an application of Hono or itty-router is exported in the same way.

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    // The path begins with the function's route. `<route>/echo` streams the request's body back.
    if (pathname.endsWith("/echo")) {
      return new Response(request.body);
    }
    return new Response(`hello from ${pathname}\n`);
  },
};
