// Batches as trackers send them, made by hand: messages by the names and fields of the catalogue.

import fs from 'node:fs';

const file = new URL('../../src/tracker/messages.json', import.meta.url);
const catalogue = new Map(JSON.parse(fs.readFileSync(file)).messages.map((message) => [message.name, message]));

function uint(value) {
  const bytes = [];
  if (typeof value === 'number' && value >= 0) {
    let left = value;
    for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
    bytes.push(left);
    return Buffer.from(bytes);
  }
  let left = BigInt(value);
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left > 0n ? low | 0x80 : low);
  } while (left > 0n);
  return Buffer.from(bytes);
}

const write = {
  uint,
  int: (value) => uint(BigInt(value) >= 0n ? BigInt(value) * 2n : -BigInt(value) * 2n - 1n),
  string: (value) => {
    const text = Buffer.from(String(value));
    return Buffer.concat([uint(text.length), text]);
  },
  boolean: (value) => Buffer.from([value ? 1 : 0]),
};

function body(name, values) {
  const { id, fields } = catalogue.get(name);
  if (values.length !== fields.length) throw new Error(`${name} has ${fields.length} fields, not ${values.length}`);
  return [uint(id), Buffer.concat(fields.map((field, at) => write[field.type](values[at])))];
}

/** A message with a size: its name, and its fields in the order of the catalogue. */
export function message(name, ...values) {
  const [id, rest] = body(name, values);
  return Buffer.concat([id, Buffer.from([rest.length & 0xff, (rest.length >> 8) & 0xff, rest.length >> 16]), rest]);
}

/** What a batch begins with. */
export function metadata(at, location) {
  return Buffer.concat(body('BatchMetadata', [1, 1, 0, at, location]));
}

/** A batch of a page, from its first message on. */
export function batch(at, location, messages) {
  return Buffer.concat([metadata(at, location), ...messages]);
}
