// How far two pictures are from each other.

import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

/** Reads a picture, with its masked places in one colour. */
export function read(bytes, masks = []) {
  const picture = PNG.sync.read(bytes);
  for (const mask of masks) {
    const { x, y, width, height } = within(picture, mask);
    for (let row = y; row < y + height; row++) picture.data.fill(0x80, (row * picture.width + x) * 4, (row * picture.width + x + width) * 4);
  }
  return picture;
}

/** The part of all pixels that differ, from 0 to 1; in a place, if one is named. `null` if nothing of the place is in the picture. */
export function difference(one, other, place) {
  if (one.width !== other.width || one.height !== other.height) return 1;
  const part = within(one, place ?? { x: 0, y: 0, width: one.width, height: one.height });
  if (part.width === 0 || part.height === 0) return null;
  const cut = (picture) => {
    const to = new PNG({ width: part.width, height: part.height });
    PNG.bitblt(picture, to, part.x, part.y, part.width, part.height, 0, 0);
    return to.data;
  };
  return pixelmatch(cut(one), cut(other), null, part.width, part.height, { threshold: 0.1 }) / (part.width * part.height);
}

/** A picture of what differs. */
export function shownDifference(one, other) {
  const to = new PNG({ width: one.width, height: one.height });
  pixelmatch(one.data, other.data, to.data, one.width, one.height, { threshold: 0.1 });
  return PNG.sync.write(to);
}

/** What of a place is in the picture. */
function within(picture, { x, y, width, height }) {
  const left = Math.min(Math.max(x, 0), picture.width);
  const top = Math.min(Math.max(y, 0), picture.height);
  const right = Math.min(Math.max(x + width, left), picture.width);
  const bottom = Math.min(Math.max(y + height, top), picture.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}
