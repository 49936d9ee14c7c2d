// A server between the browser and takeup that takes something away or puts something in, to see that the tests notice.

import http from 'node:http';

/**
 * Starts it before a server: `{ admin, close }`. `headers` changes the headers of an answer, `answer` returns the text of one that takeup is not asked for.
 */
export async function startProxy(server, { headers = (own) => own, answer = () => undefined }) {
  const proxy = http.createServer((request, response) => {
    const own = answer(request.url);
    if (own !== undefined) return response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end(own);
    const [hostname, port] = server.admin.split(':');
    const asked = http.request({ hostname, port, path: request.url, method: request.method, headers: { ...request.headers, host: server.admin } }, (told) => {
      response.writeHead(told.statusCode, headers(told.headers));
      told.pipe(response);
    });
    asked.on('error', () => response.destroy());
    request.pipe(asked);
    return undefined;
  });
  await new Promise((ready) => proxy.listen(0, '127.0.0.1', ready));
  return {
    admin: `127.0.0.1:${proxy.address().port}`,
    close() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}
