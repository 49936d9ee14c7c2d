// A font in which every letter is a block, as no system has one: where it is missing, the picture is another.

const UNITS = 1000;
const FIRST = 0x20;
const LAST = 0x7e;

const u16 = (...values) => Buffer.concat(values.map((value) => Buffer.from([(value >> 8) & 0xff, value & 0xff])));
const u32 = (...values) => Buffer.concat(values.map((value) => u16(value >>> 16, value & 0xffff)));
const text = (value) => Buffer.from(value, 'latin1');

/** A glyph of four corners. */
function block() {
  const [left, bottom, right, top] = [50, 0, 750, 700];
  const head = u16(1, left, bottom, right, top, 3, 0);
  // Flags: a corner each, with coordinates of two bytes.
  const steps = [...[left, right - left, 0, left - right], ...[bottom, 0, top - bottom, 0]];
  return Buffer.concat([head, Buffer.alloc(4, 1), u16(...steps)]);
}

/** All letters lead to the one glyph. */
function letters() {
  const count = LAST - FIRST + 1;
  const table = Buffer.concat([
    u16(4, 0, 0, 4, 4, 1, 0),
    u16(LAST, 0xffff, 0, FIRST, 0xffff, 0, 1, 4, 0),
    u16(...Array(count).fill(1)),
  ]);
  table.writeUInt16BE(table.length, 2);
  return Buffer.concat([u16(0, 1, 3, 1), u32(12), table]);
}

function names() {
  const said = [[1, 'Blocks'], [2, 'Regular'], [3, 'Blocks 1'], [4, 'Blocks'], [6, 'Blocks']];
  const words = said.map(([, word]) => u16(...[...word].map((letter) => letter.charCodeAt(0))));
  let at = 0;
  const records = said.map(([id], index) => {
    const record = u16(3, 1, 0x409, id, words[index].length, at);
    at += words[index].length;
    return record;
  });
  return Buffer.concat([u16(0, said.length, 6 + 12 * said.length), ...records, ...words]);
}

/** The font's file. */
export function blocks() {
  const glyph = block();
  const tables = {
    'OS/2': Buffer.concat([
      u16(4, 800, 400, 5, 0, 650, 600, 0, 75, 650, 600, 0, 350, 50, 250, 0),
      Buffer.alloc(10),
      u32(1, 0, 0, 0),
      text('NONE'),
      u16(0x40, FIRST, LAST, 800, -200, 0, 800, 200),
      u32(1, 0),
      u16(500, 700, 0, FIRST, 1),
    ]),
    cmap: letters(),
    glyf: glyph,
    head: Buffer.concat([u32(0x10000, 0x10000, 0, 0x5f0f3cf5), u16(3, UNITS), Buffer.alloc(16), u16(50, 0, 750, 700, 0, 8, 2, 0, 0)]),
    hhea: Buffer.concat([u32(0x10000), u16(800, -200, 0, 800, 50, 50, 750, 1, 0, 0), Buffer.alloc(8), u16(0, 2)]),
    hmtx: u16(800, 50, 800, 50),
    loca: u16(0, 0, glyph.length / 2),
    maxp: Buffer.concat([u32(0x10000), u16(2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)]),
    name: names(),
    post: Buffer.concat([u32(0x30000, 0), u16(-100, 50), u32(0, 0, 0, 0, 0)]),
  };
  const tags = Object.keys(tables);
  const log = Math.floor(Math.log2(tags.length));
  const head = [u32(0x10000), u16(tags.length, 16 << log, log, (tags.length - (1 << log)) * 16)];
  const bodies = [];
  let at = 12 + 16 * tags.length;
  for (const tag of tags) {
    const body = Buffer.concat([tables[tag], Buffer.alloc((4 - (tables[tag].length % 4)) % 4)]);
    head.push(text(tag), u32(sum(body), at, tables[tag].length));
    bodies.push(body);
    at += body.length;
  }
  const file = Buffer.concat([...head, ...bodies]);
  const adjusted = (0xb1b0afba - sum(file)) >>> 0;
  file.writeUInt32BE(adjusted, file.indexOf(tables.head) + 8);
  return file;
}

function sum(bytes) {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 4) total = (total + bytes.readUInt32BE(at)) >>> 0;
  return total;
}
