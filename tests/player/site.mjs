// The files of the gallery: what a recorded page only names, and takeup keeps if it is told to.

import fs from 'node:fs';
import path from 'node:path';

import { PNG } from 'pngjs';

import { check } from '../e2e/checks.mjs';
import { blocks } from './font.mjs';

/** The folder of the files, on the site. */
export const FOLDER = '/files/';

/** A picture of squares in two colours. */
function squares(one, other, size) {
  const picture = new PNG({ width: 95, height: 140 });
  for (let at = 0; at < picture.width * picture.height; at++) {
    const [x, y] = [at % picture.width, Math.floor(at / picture.width)];
    picture.data.set([...((Math.floor(x / size) + Math.floor(y / size)) % 2 ? one : other), 255], at * 4);
  }
  return PNG.sync.write(picture);
}

const SHEET = `@import 'more.css';
@font-face { font-family: Blocks; src: url(blocks.ttf) }
.linked .named { height: 70px; background: #7b1fa2 url('paper.png'); color: #fff }
.lettered p { font: 32px/40px Blocks; color: #bf360c }`;

/** Each file's name, type and bytes. */
const FILES = new Map(
  [
    ['gallery.css', 'text/css', SHEET],
    ['more.css', 'text/css', '.linked .imported { height: 68px; background: #00838f }'],
    ['blocks.ttf', 'font/ttf', blocks()],
    ['paper.png', 'image/png', squares([126, 87, 194], [103, 58, 183], 10)],
    ['first.png', 'image/png', squares([216, 27, 96], [255, 235, 59], 24)],
    ['second.png', 'image/png', squares([21, 101, 192], [200, 230, 201], 12)],
  ].map(([name, type, bytes]) => [name, { type, bytes: Buffer.from(bytes) }]),
);

/** Answers a request for one of the files. */
export function answerFile(name, response) {
  const file = FILES.get(name);
  if (file === undefined) return response.writeHead(404).end();
  // Fonts are asked for across origins.
  const headers = { 'Content-Type': file.type, 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-store' };
  return response.writeHead(200, headers).end(file.bytes);
}

/** Has the server keep all of them, as the job does that publishes a site. */
export async function pushFiles(server, root, origin) {
  const folder = path.join(root, 'gallery');
  const to = path.join(folder, FOLDER);
  fs.mkdirSync(to, { recursive: true });
  for (const [name, { bytes }] of FILES) fs.writeFileSync(path.join(to, name), bytes);
  const pushed = await server.run('assets', 'push', folder, '--project', server.projectKey, '--base', origin);
  check("the gallery's files are kept", pushed.out.startsWith(`${FILES.size} assets kept`), (pushed.out + pushed.err).trim());
}
