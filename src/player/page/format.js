// Times and sizes as text.

const pad = (number) => String(number).padStart(2, '0');

/** Milliseconds as `1:02:03` or `2:03`; with tenths as `2:03.4`. */
export function clock(ms, tenths = false) {
  const whole = Math.max(0, tenths ? Math.floor(ms / 100) * 100 : Math.floor(ms / 1000) * 1000);
  const seconds = Math.floor(whole / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const text = hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
  return tenths ? `${text}.${Math.floor((whole % 1000) / 100)}` : text;
}

/** A length of time as a person says it. */
export function spoken(ms) {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = [[hours, 'hour'], [minutes, 'minute'], [rest, 'second']].filter(([number]) => number > 0);
  return parts.map(([number, unit]) => `${number} ${unit}${number === 1 ? '' : 's'}`).join(' ') || '0 seconds';
}

/** Bytes, in the largest unit that keeps a digit before the point. */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let number = bytes;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit++;
  }
  return `${unit === 0 ? number : number.toFixed(1)} ${units[unit]}`;
}

/** The first characters of a text of a stranger, on one line. */
export function line(text, most = 300) {
  const short = String(text ?? '').slice(0, most * 2).replace(/\s+/g, ' ').trim();
  return short.length > most ? `${short.slice(0, most)}…` : short;
}

/** A number that was recorded with all the digits that a browser computes, with three decimals at most; what is no number as it is. */
export function figure(text) {
  const number = text === '' ? NaN : Number(text);
  return Number.isFinite(number) ? String(Math.round(number * 1000) / 1000) : text;
}
