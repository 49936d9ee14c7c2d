// What the browser sent and what it was answered, from Chromium's own network log.
//
// Chromium writes every byte that passes its sockets into a file (--log-net-log with the capture mode Everything).
// Unlike the DevTools protocol this has the bodies of workers, of keepalive requests and of what is sent after a tab
// was closed, byte for byte, and it is the browser's own account: nothing stands between it and the server.

import fs from 'node:fs';

/**
 * Reads a network log and pairs requests with answers.
 *
 * @param {string} path The log, written by a browser that has ended.
 * @param {string} host Only requests to this host:port.
 * @returns {{method: string, target: string, path: string, query: URLSearchParams, headers: Map<string, string>,
 *   body: Buffer, sentMs: number, answer: null | {status: number, headers: Map<string, string>, body: Buffer, ms: number}}[]}
 *   In the order of sending. `answer` is null unless the whole answer was received; `ms` is when its last byte was.
 */
export function readExchanges(path, host) {
  const log = parse(fs.readFileSync(path, 'utf8'));
  const types = log.constants.logEventTypes;
  const sent = types.SOCKET_BYTES_SENT;
  const received = types.SOCKET_BYTES_RECEIVED;
  const sockets = new Map();
  for (const event of log.events) {
    if (event.type !== sent && event.type !== received) continue;
    const { byte_count: count, bytes } = event.params;
    if (count > 0 && bytes === undefined) throw new Error('the network log holds no bytes: wrong capture mode');
    let socket = sockets.get(event.source.id);
    if (!socket) sockets.set(event.source.id, (socket = { sent: [], received: [], times: [], receivedTimes: [] }));
    const chunk = Buffer.from(bytes ?? '', 'base64');
    const [chunks, times] = event.type === received ? [socket.received, socket.receivedTimes] : [socket.sent, socket.times];
    chunks.push(chunk);
    times.push({ end: (times.at(-1)?.end ?? 0) + chunk.length, ms: Number(event.time) });
  }
  const exchanges = [...sockets.values()].flatMap(pair);
  return exchanges.filter((one) => one.headers.get('host') === host).sort((a, b) => a.sentMs - b.sentMs);
}

/** A browser that was killed leaves its log without an end: then what is whole is read line by line. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    const lines = text.split('\n');
    const log = JSON.parse(`${lines[0].replace(/,\s*$/, '')}}`);
    log.events = [];
    for (const line of lines.slice(1)) {
      try {
        const event = JSON.parse(line.replace(/,\s*$/, ''));
        if (event.source) log.events.push(event);
      } catch {
        // The line that opens the list, or the one that was cut.
      }
    }
    return log;
  }
}

/** The requests of one connection with their answers: HTTP/1.1 answers in order. */
function pair(socket) {
  const requests = [];
  const sent = Buffer.concat(socket.sent);
  for (let at = 0; at < sent.length; ) {
    const head = readHead(sent, at);
    if (!head) break;
    const [method, target] = head.first.split(' ');
    const length = Number(head.headers.get('content-length') ?? 0);
    const end = head.end + length;
    if (end > sent.length) break;
    const url = new URL(target, 'http://x');
    const sentMs = socket.times.find((time) => time.end > at).ms;
    const body = sent.subarray(head.end, end);
    const request = { method, target, path: url.pathname, query: url.searchParams, headers: head.headers, body, sentMs };
    requests.push({ ...request, answer: null });
    at = end;
  }
  const received = Buffer.concat(socket.received);
  let at = 0;
  for (const request of requests) {
    const answer = readAnswer(received, at, request.method);
    if (!answer) break;
    request.answer = { ...answer, ms: socket.receivedTimes.find((time) => time.end >= answer.end).ms };
    at = answer.end;
  }
  return requests;
}

function readHead(bytes, start) {
  const end = bytes.indexOf('\r\n\r\n', start);
  if (end < 0) return null;
  const [first, ...lines] = bytes.toString('latin1', start, end).split('\r\n');
  const headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { first, headers, end: end + 4 };
}

function readAnswer(bytes, start, method) {
  const head = readHead(bytes, start);
  if (!head) return null;
  const status = Number(head.first.split(' ')[1]);
  if (status >= 100 && status < 200) return readAnswer(bytes, head.end, method);
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { status, headers: head.headers, body: Buffer.alloc(0), end: head.end };
  }
  if (head.headers.get('transfer-encoding') === 'chunked') return readChunks(bytes, head, status);
  const length = head.headers.get('content-length');
  const end = length === undefined ? bytes.length : head.end + Number(length);
  if (end > bytes.length) return null;
  return { status, headers: head.headers, body: bytes.subarray(head.end, end), end };
}

function readChunks(bytes, head, status) {
  const parts = [];
  for (let at = head.end; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = parseInt(bytes.toString('latin1', at, line), 16);
    const end = line + 2 + size + 2;
    if (end > bytes.length) return null;
    if (size === 0) return { status, headers: head.headers, body: Buffer.concat(parts), end };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = end;
  }
}
