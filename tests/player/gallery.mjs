// A page of all that a tracker records, in boxes that change from moment to moment: each large enough that a picture without its change is another.

import http from 'node:http';

import { hide, show } from '../e2e/browser.mjs';
import { sleep } from '../e2e/process.mjs';
import { bundle, start } from '../e2e/site.mjs';
import { BESIDE } from './beside.mjs';
import { FOLDER, answerFile } from './site.mjs';

/** What only the page itself may show. */
export const SECRET = 'tell nobody 4711';

/** Starts the site on a free port. */
export async function startGallery() {
  const scripts = new Map();
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://site');
    const send = (type, text) => response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
    const script = /^\/(tracker-\d+)\.js$/.exec(url.pathname);
    if (script) return send('text/javascript', await bundle(scripts, script[1], 'iife'));
    if (url.pathname === '/inner') return send('text/html', INNER);
    if (url.pathname === '/gallery') return send('text/html', page(start(url.searchParams)));
    if (url.pathname === '/beside') return send('text/html', BESIDE(start(url.searchParams)));
    if (url.pathname.startsWith(FOLDER)) return answerFile(url.pathname.slice(FOLDER.length), response);
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://localhost:${server.address().port}`;
  return {
    origin,
    page: (tracker, ingest, key, options) => `${origin}/gallery?${new URLSearchParams({ tracker, ingest, key, options: JSON.stringify(options) })}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The boxes whose changes a generation does not record: rules that are put one by one into sheets that scripts made, and what animations of scripts end with. */
export const UNTOLD = {
  'tracker-12': ['adopted', 'shadow', 'animated by a script'],
  'tracker-15': ['adopted', 'shadow', 'animated by a script'],
};

/** The generations that begin another session in another tab. */
export const ONE_TAB = ['tracker-18'];

const INNER = `<!doctype html><html><head><style>body { margin: 0; font: 20px sans-serif } div { height: 60px; background: #9ad }
div:nth-child(even) { background: #e66 }</style></head><body>${'<div>in a frame</div>'.repeat(12)}</body></html>`;

const PICTURE = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="120"><rect width="80" height="120" fill="teal"/><circle cx="40" cy="60" r="30" fill="gold"/></svg>',
)}`;

const BOXES = {
  adopted: '<p class="sheet">a sheet of the document</p>',
  shadow: '<x-card id="card"><b slot="title">slotted title</b><i>slotted by default</i></x-card>',
  manual: '<div id="manual"><span id="first">first</span><span id="second">second</span></div>',
  rules: '<p class="late">rules that come late</p>',
  frame: '<iframe id="frame" src="/inner"></iframe>',
  made: '',
  canvas: '<canvas id="canvas" class="picture" width="190" height="140"></canvas>',
  scroller: `<div id="scroller">${'<p>one</p><p>two</p>'.repeat(12)}</div>`,
  fields: `<form onsubmit="return false"><input id="text" class="large"><input id="check" type="checkbox"><span class="tick">ticked</span>
    <input id="one" type="radio" name="r"><input id="two" type="radio" name="r"><textarea id="area"></textarea></form>`,
  choice: '<select id="choice" size="4"><option value="a">apples</option><option value="b">pears</option><option value="c">plums</option></select>',
  masked: `<input id="hidden" data-openreplay-hidden><input id="masked" data-openreplay-masked><p data-openreplay-obscured>${SECRET}</p>`,
  nested: '<x-outer id="outer"><em>in two shadows</em></x-outer><iframe id="written" srcdoc="<style>body{margin:0;background:#ffcc80}</style><iframe id=deep></iframe>"></iframe>',
  begun: `<input id="begun" type="checkbox" checked><span class="tick">begun</span><input id="range" type="range" value="90"><select id="small"><option>one<option selected>two
    <option>three</select><textarea id="filled">filled before</textarea>`,
  moved: '<ol id="from"><li>one</li><li>two</li><li>three</li></ol><ol id="to"><li>four</li></ol>',
  styled: '<details id="details"><summary>more</summary><p>what was hidden</p></details><div id="styled">styled</div><table><tr><td>a</td><td id="cell">b</td></tr></table>',
  linked: '<div class="named">a linked sheet</div><div class="imported">and what it imports</div>',
  lettered: '<p>blocks for letters</p>',
  pictured: `<img id="picture" src="${FOLDER}first.png" alt=""><img src="${FOLDER}second.png" alt="">`,
  animated: '<div id="animated" data-box="animated by a script">by a script</div><div id="keyed" data-box="animated by a sheet">by a sheet</div>',
  drawn: `<svg id="svg" viewBox="0 0 95 140"><rect id="shape" x="5" y="5" width="85" height="130" fill="purple"/></svg><img id="image" src="${PICTURE}" alt="">`,
};

/** What happens before each moment, in the page. Each changes what is named; `act` is what a visitor does; of tabs it returns the one to go on with. */
export const MOMENTS = [
  { name: 'the page as it was loaded' },
  {
    name: 'fields, typed and masked',
    async act(tab) {
      await tab.type('#text', 'typed', { delay: 10 });
      await tab.type('#area', 'several lines\nof text', { delay: 5 });
      await tab.check('#check');
      await tab.uncheck('#begun');
      await tab.selectOption('#small', 'three');
      await tab.fill('#filled', 'filled anew');
      await tab.fill('#range', '10');
      await tab.check('#two');
      await tab.selectOption('#choice', 'b');
      await tab.type('#hidden', SECRET, { delay: 5 });
      await tab.type('#masked', SECRET, { delay: 5 });
    },
  },
  { name: 'sheets that scripts made' },
  { name: 'shadow roots and slots' },
  { name: 'late rules of styles' },
  { name: 'the canvas, a scrolled element and a scrolled frame' },
  { name: 'frames that scripts made' },
  {
    name: 'a scrolled window',
    act: (tab) => tab.evaluate(() => scrollTo(0, 333)),
  },
  {
    name: 'some time later',
    async act(tab) {
      await tab.evaluate(() => window.later());
      // Pictures of the canvas are uploaded meanwhile, and another snapshot is written: what follows is played from there.
      await sleep(12_000);
    },
  },
  { name: 'another route' },
  { name: 'another tab', isOfTabs: true, act: openBeside },
  {
    name: 'the first tab again',
    isOfTabs: true,
    async act(tab, first) {
      await hide(tab);
      await show(first);
      // The window of a tab that one comes back to has the focus.
      await first.evaluate(() => window.dispatchEvent(new Event('focus')));
      return first;
    },
  },
];

/** Opens a page in another tab, and goes there. */
async function openBeside(tab) {
  const opened = tab.context().waitForEvent('page');
  await tab.evaluate(() => void window.open(`/beside${window.asked}`));
  const beside = await opened;
  await hide(tab);
  await beside.waitForFunction(() => window.started !== undefined, null, { timeout: 20_000 });
  return beside;
}

/** The scripts of the page: `window.moments[n]()` makes the change of moment n. */
function scripts() {
  // What the page was asked for, before it changes its address.
  window.asked = location.search;
  const element = (id) => document.getElementById(id);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('.sheet { background: #cfc; height: 100% }');
  document.adoptedStyleSheets = [sheet];

  const inner = new CSSStyleSheet();
  inner.replaceSync('.frame { height: 70px; background: #ffd54f } ::slotted(i) { display: block; background: #4fc3f7; height: 70px }');
  customElements.define(
    'x-card',
    class extends HTMLElement {
      connectedCallback() {
        const root = this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [inner];
        root.innerHTML = '<style>:host { display: block }</style><div class="frame"><slot name="title">nothing</slot></div><slot>by default</slot>';
      }
    },
  );
  const manual = element('manual').attachShadow({ mode: 'open', slotAssignment: 'manual' });
  manual.innerHTML = '<style>div { height: 70px } .a { background: #aed581 } .b { background: #ba68c8 }</style><div class="a"><slot></slot></div><div class="b"><slot></slot></div>';
  const [upper, lower] = manual.querySelectorAll('slot');
  upper.assign(element('first'));
  lower.assign(element('second'));

  customElements.define(
    'x-outer',
    class extends HTMLElement {
      connectedCallback() {
        this.attachShadow({ mode: 'open' }).innerHTML = '<style>x-inner { color: #b71c1c }</style><x-inner><slot></slot></x-inner>';
      }
    },
  );
  customElements.define(
    'x-inner',
    class extends HTMLElement {
      connectedCallback() {
        this.attachShadow({ mode: 'open' }).innerHTML = '<style>p { margin: 0; height: 50px; background: #dcedc8 }</style><p><slot></slot></p>';
      }
    },
  );

  const late = element('late').sheet;
  late.insertRule('.late { background: #ffab91; height: 100% }');

  const empty = element('empty').sheet;
  empty.insertRule('.choice { background: #c5e1a5 }');

  const paint = (ground, shape) => {
    const pen = element('canvas').getContext('2d');
    pen.fillStyle = ground;
    pen.fillRect(0, 0, 190, 140);
    pen.fillStyle = shape;
    pen.fillRect(40, 30, 60, 80);
  };
  paint('#345', '#fc0');

  window.later = () => {
    scrollTo(0, 0);
    paint('#0a4', '#eee');
  };
  window.moments = [
    () => {},
    () => {},
    () => {
      sheet.insertRule('.sheet { background: #36c !important; color: #fff }', 1);
      const more = new CSSStyleSheet();
      more.replaceSync('.rules p { font-weight: bold; text-decoration: underline } .made { background: #ddd }');
      document.adoptedStyleSheets = [sheet, more];
      inner.replaceSync('.frame { height: 70px; background: #ef6c00 } ::slotted(i) { display: block; background: #4fc3f7; height: 70px }');
    },
    () => {
      const card = element('card');
      card.querySelector('b').remove();
      card.shadowRoot.querySelector('.frame').append(Object.assign(document.createElement('em'), { textContent: ' added inside' }));
      inner.insertRule('::slotted(i) { background: #d81b60 !important; color: #fff }', 2);
      element('outer').shadowRoot.querySelector('x-inner').shadowRoot.querySelector('p').style.background = '#f8bbd0';
      element('outer').append(document.createElement('hr'));
      element('to').append(element('from').firstElementChild, element('from').lastElementChild);
      element('to').prepend(element('to').children[1]);
      element('from').firstElementChild.textContent = 'two, written anew';
      const host = document.createElement('div');
      host.textContent = 'slotted late';
      document.querySelector('.made').append(host);
      host.attachShadow({ mode: 'open' }).innerHTML = '<style>:host { display: block; height: 50px; background: #00695c; color: #fff }</style><slot></slot>';
    },
    () => {
      late.deleteRule(0);
      late.insertRule('.late { height: 100%; background: repeating-linear-gradient(90deg, #222 0 20px, #eee 20px 40px) }');
      empty.insertRule('#choice { width: 100%; font-size: 24px }', 1);
      empty.insertRule('.drawn { background: #b39ddb }', 0);
      element('details').open = true;
      element('styled').style.setProperty('--ground', '#00796b');
      element('styled').classList.add('on');
      element('cell').colSpan = 2;
      element('cell').remove();
      document.head.append(Object.assign(document.createElement('style'), { textContent: '.masked { background: #b2ebf2 }' }));
    },
    () => {
      element('scroller').scrollTo(70, 130);
      element('frame').contentWindow.scrollTo(0, 60);
      element('picture').src = '/files/second.png';
      element('animated').animate([{ background: '#ddd' }, { background: '#1b5e20', color: '#fff', letterSpacing: '2px' }], { duration: 300, fill: 'forwards' });
      element('keyed').className = 'keyed';
      paint('#a31', '#1ce');
    },
    () => {
      const frame = document.createElement('iframe');
      document.querySelector('.made').prepend(frame);
      frame.contentDocument.body.innerHTML = '<p style="margin:0;height:80px;background:#6d4c41;color:#fff;font:20px sans-serif">written into a frame</p>';
      const deep = element('written').contentDocument.getElementById('deep').contentDocument;
      deep.body.innerHTML = '<div style="background:#4a148c;color:#fff;height:100px">a frame in a frame</div>';
      const first = element('frame').contentDocument.querySelector('div:nth-child(2)');
      first.style.background = '#111';
      first.style.color = '#fff';
      element('shape').setAttribute('fill', 'orange');
      element('shape').setAttribute('rx', '30');
    },
    () => {},
    () => {
      element('scroller').scrollTo(0, 0);
      sheet.deleteRule(1);
      inner.deleteRule(0);
    },
    () => {
      history.pushState({}, '', '/gallery/next');
      document.title = 'The next room';
      document.querySelector('h1').textContent = 'The next room';
      document.querySelector('.grid').replaceChildren(...[...document.querySelectorAll('.box')].reverse().slice(0, 9));
      document.getElementById('long').className = 'other';
    },
    () => {},
    () => {
      document.querySelector('h1').textContent = 'Back again';
      document.getElementById('long').className = '';
    },
  ];
}

function page(head) {
  const boxes = Object.entries(BOXES).map(([name, html]) => `<section class="box ${name}" data-box="${name}">${html}</section>`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A gallery</title>
<style>
  * { box-sizing: border-box; caret-color: transparent }
  body { margin: 0; font: 15px sans-serif; background: #fafafa }
  h1 { margin: 0; height: 60px; padding: 10px; background: #263238; color: #fff }
  .grid { display: grid; grid-template-columns: repeat(4, 190px); gap: 8px; padding: 8px }
  .box { height: 140px; overflow: hidden; border: 1px solid #888; background: #fff }
  .box p { margin: 0 }
  .box iframe { border: 0; width: 100%; height: 80px }
  .frame iframe { height: 140px }
  .picture { display: block; width: 188px; height: 138px }
  #scroller { height: 100%; overflow: auto }
  #scroller p { width: 400px; height: 40px; background: linear-gradient(90deg, #ff8a65, #64b5f6) }
  #scroller p:nth-child(even) { background: linear-gradient(90deg, #4db6ac, #f06292) }
  .large { width: 100%; font-size: 32px; border: 0; background: #eceff1 }
  .tick { display: inline-block; width: 80px; background: #ccc }
  #check:checked + .tick { background: #2e7d32; color: #fff }
  .fields:has(#two:checked) textarea { background: #ffe082 }
  textarea { width: 100%; height: 60px; resize: none }
  .masked input, .masked p { display: block; width: 180px; height: 36px; overflow: hidden }
  .drawn { display: flex }
  .drawn > * { width: 50%; height: 100% }
  .pictured img { width: 50%; height: 100% }
  .animated div { height: 70px; background: #ddd }
  .animated .keyed { animation: keyed 0.3s forwards }
  @keyframes keyed { to { background: #4a148c; color: #fff } }
  .nested iframe { height: 70px }
  #styled { --ground: #ddd; height: 50px; background: var(--ground) }
  #styled.on { border-radius: 20px; color: #fff }
  .moved ol { margin: 0; background: #e1bee7 }
  .moved #to { background: #b3e5fc }
  .begun :checked + .tick { background: #c62828 }
  .begun > * { display: block }
  #long { height: 1200px; background: repeating-linear-gradient(#80cbc4 0 90px, #ffe0b2 90px 180px) }
  #long.other { background: #5c6bc0 }
</style>
<link rel="stylesheet" href="${FOLDER}gallery.css">
<style id="late"></style>
<style id="empty"></style>
</head>
<body>
  <h1>A gallery</h1>
  <div class="grid">${boxes.join('\n')}</div>
  <div id="long"></div>
  <script>(${scripts})()</script>
  ${head}
</body>
</html>`;
}
