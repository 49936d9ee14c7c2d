// Ports for servers.

import net from 'node:net';

/** Free ports below the range that the system gives to connections: the browser opens some before the server listens. */
export async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await canListen(port)) ports.add(port);
  }
  return [...ports];
}

function canListen(port) {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
