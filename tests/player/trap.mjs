// A server that nothing recorded may ever ask.

import http from 'node:http';

/** Starts it: `{ url, hits, referrers, close }`. */
export async function startTrap() {
  const hits = [];
  const referrers = [];
  const server = http.createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    if (request.headers.referer) referrers.push(`${request.url} from ${request.headers.referer}`);
    response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' });
    response.end('<script>top.ran = "the trap"</script>');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${server.address().port}`, hits, referrers, close: () => server.close() };
}
