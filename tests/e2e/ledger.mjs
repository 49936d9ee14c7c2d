// Holds what the browser saw against what the server kept.

import { createHash } from 'node:crypto';

const BATCH = '/v1/web/i';
const PICTURES = '/v1/web/images';
const START = '/v1/web/start';

/** What a browser's exchanges with the server amount to. */
export class Ledger {
  constructor(exchanges) {
    this.exchanges = exchanges;
    /** Session ids by token, from the answers to starts. */
    this.tokens = new Map();
    /** Answered starts in their order. */
    this.starts = [];
    for (const one of exchanges) {
      if (one.method !== 'POST' || one.path !== START || one.answer?.status !== 200) continue;
      const answer = JSON.parse(one.answer.body);
      this.tokens.set(answer.token, answer.sessionID);
      this.starts.push({ request: JSON.parse(one.body), answer });
    }
    const posts = (path) => exchanges.filter((one) => one.method === 'POST' && one.path === path);
    /** Every batch that was sent whole, answered or not. */
    this.sent = posts(BATCH).map((one) => this.batch(one));
    /** The same of uploads of pictures. */
    this.pictures = posts(PICTURES).map((one) => ({ session: this.sessionOf(one), status: one.answer?.status ?? null }));
    /** Those of them whose 200 the browser saw. */
    this.acknowledged = this.sent.filter((batch) => batch.status === 200);
  }

  /** The sessions in the order of their starts. */
  get sessions() {
    return [...new Set(this.starts.map((start) => start.answer.sessionID))];
  }

  /** The session of a request, by its token. */
  sessionOf(exchange) {
    const token = exchange.headers.get('authorization')?.replace(/^Bearer /, '');
    return this.tokens.get(token) ?? `unknown token ${token}`;
  }

  batch(exchange) {
    const label = /^(\d+)_(\d+)/.exec(exchange.query.get('batch') ?? '');
    return {
      session: this.sessionOf(exchange),
      status: exchange.answer?.status ?? null,
      target: exchange.target,
      sentMs: exchange.sentMs,
      answeredMs: exchange.answer?.ms ?? null,
      body: exchange.body,
      sha: sha(exchange.body),
      bytes: exchange.body.length,
      encoding: exchange.headers.get('content-encoding') ?? 'identity',
      dataType: exchange.headers.get('datatype') ?? 'all',
      split: exchange.query.get('split'),
      page: label ? Number(label[1]) : null,
      number: label ? Number(label[2]) : null,
    };
  }

  /** Answers to anything of the given kind that were not what they should be. */
  unexpected(methods, paths, statuses) {
    return this.exchanges
      .filter((one) => methods.includes(one.method) && paths.includes(one.path))
      .filter((one) => one.answer !== null && !statuses.includes(one.answer.status))
      .map((one) => `${one.method} ${one.target} ${one.answer.status} ${one.answer.body.toString().slice(0, 200)}`);
  }

  /** Acknowledged batches that `kept` (lines of `takeup replay --to -`) lacks, or has with other labels. */
  missing(kept) {
    const shelf = new Map();
    for (const line of kept) {
      const key = `${line.session_id} ${sha(Buffer.from(line.body, 'base64'))}`;
      shelf.set(key, [...(shelf.get(key) ?? []), line]);
    }
    const missing = [];
    for (const batch of this.acknowledged) {
      const lines = shelf.get(`${batch.session} ${batch.sha}`) ?? [];
      // The same bytes may have been kept twice, when the first answer was lost.
      const at = lines.findIndex((line) => sameLabels(line, batch));
      if (at >= 0) lines.splice(at, 1);
      else missing.push(`${batch.target} (${batch.bytes} bytes, ${batch.dataType}): log has ${describe(lines)}`);
    }
    return missing;
  }

  /** Lines of `takeup replay --to -` whose bodies the browser never sent. */
  invented(kept) {
    const sent = new Set(this.sent.map((batch) => `${batch.session} ${batch.sha}`));
    return kept
      .filter((line) => this.sessions.includes(line.session_id))
      .filter((line) => !sent.has(`${line.session_id} ${sha(Buffer.from(line.body, 'base64'))}`))
      .map((line) => `${line.id} ${line.page}_${line.number} ${line.data_type}`);
  }
}

function sameLabels(line, batch) {
  return (
    line.encoding === batch.encoding &&
    line.data_type === batch.dataType &&
    line.page === batch.page &&
    line.number === batch.number &&
    String(line.split ?? '') === (batch.split ?? '')
  );
}

function describe(lines) {
  if (lines.length === 0) return 'no such body';
  return JSON.stringify(lines.map((line) => ({ ...line, body: undefined })));
}

function sha(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
