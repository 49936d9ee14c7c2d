// A session of a visitor who wants whoever watches it to run, fetch or open something.

import { batch, message } from './batch.mjs';

/** What would tell that a script ran, wherever it ran. */
const code = (trap, where) => `try{top.ran='${where}'}catch(e){};window.ran='${where}';new Image().src='${trap}/ran?${where}'`;

/** Texts that end what they stand in. */
export const texts = (trap) => [
  `</script><script>${code(trap, 'script')}</script>`,
  `<img src=x onerror="${code(trap, 'img')}">`,
  `"><svg onload="${code(trap, 'svg')}">`,
  `</noscript></pre><iframe srcdoc="<script>${code(trap, 'noscript')}</script>"></iframe>`,
  `<!--<script>`,
  `\u2028${code(trap, 'line')}\u2029`,
  `javascript:${code(trap, 'address')}`,
  `\u0000</title><base href="${trap}/">`,
];

/** Style sheets in which something would ask once a reader leaves out what is between its parts, or what it takes for a comment. */
const joined = (trap) => [
  `body{background:u)rl(${trap}/joined-1)} i{background:u]rl("${trap}/joined-2")} p{background:image-set(x)url(${trap}/joined-3)}`,
  `@)import "${trap}/joined-4";`,
  `@@import x;import "${trap}/joined-5";`,
  `@url(a"b)import "${trap}/joined-6";`,
  `@/**/import "${trap}/joined-7"; b{background:u@import x;rl("${trap}/joined-8")}`,
  `/)* "*/ body{background:url(${trap}/joined-9)} /*"{}`,
  `#x/url(a"b)* "*/ body{background:url(${trap}/joined-10)} /*"{}`,
  `body{background:url("\n${trap}/joined-11)}`,
  // The Replayer rewrites rules with :hover, and drops comments from them; for it, a slash behind a backslash may begin one.
  `x:hover,a:hover //**/* "*/,body{background:url(${trap}/joined-12)} /*"{}`,
  `a\\/*"*/,body:not(:hover){background:url(${trap}/joined-13)} q"{}`,
];

/** Elements and attributes that run, fetch or lead somewhere: `[tag, { attribute: value }, svg]`. */
export function elements(trap) {
  const js = (where) => `javascript:${code(trap, where)}`;
  return [
    ['img', { src: `${trap}/img`, onerror: code(trap, 'onerror'), srcset: `${trap}/srcset 1x` }],
    ['img', { src: js('img-src') }],
    ['IMG', { SRC: `${trap}/upper`, OnError: code(trap, 'OnError') }],
    ['input', { type: 'image', src: `${trap}/input`, autofocus: '', onfocus: code(trap, 'onfocus') }],
    ['a', { href: js('href'), ping: `${trap}/ping`, target: '_top' }],
    ['a', { href: ` java\tscript:${code(trap, 'tab')}`, target: '_blank' }],
    ['area', { href: js('area') }],
    ['iframe', { src: `${trap}/frame` }],
    ['iframe', { src: js('frame') }],
    ['iframe', { srcdoc: `<script>${code(trap, 'srcdoc')}</script><img src="${trap}/srcdoc">` }],
    ['iframe', { src: `data:text/html,<script>${code(trap, 'data')}</script>` }],
    ['frame', { src: `${trap}/frame-of-set` }],
    ['meta', { 'http-equiv': 'refresh', content: `0;url=${trap}/refresh` }],
    ['meta', { 'HTTP-EQUIV': 'Refresh', content: `0;url=${js('refresh')}` }],
    ['base', { href: `${trap}/base/`, target: '_top' }],
    ['link', { rel: 'stylesheet', href: `${trap}/sheet`, onload: code(trap, 'link') }],
    ['link', { rel: 'prefetch preload preconnect dns-prefetch icon manifest', as: 'image', href: `${trap}/prefetch` }],
    ['link', { rel: 'modulepreload', href: `${trap}/module` }],
    ['img', { src: `${trap}/referrer`, referrerpolicy: 'unsafe-url' }],
    ['meta', { name: 'referrer', content: 'unsafe-url' }],
    ['object', { data: `${trap}/object`, type: 'text/html' }],
    ['embed', { src: `${trap}/embed` }],
    ['applet', { code: `${trap}/applet` }],
    ['form', { action: `${trap}/form`, onsubmit: code(trap, 'onsubmit') }],
    ['button', { formaction: js('formaction'), popovertarget: 'x' }],
    ['isindex', { action: js('isindex') }],
    ['video', { src: `${trap}/video`, poster: `${trap}/poster`, autoplay: '', onloadstart: code(trap, 'video') }],
    ['audio', { src: `${trap}/audio`, autoplay: '', onerror: code(trap, 'audio') }],
    ['source', { src: `${trap}/source`, srcset: `${trap}/source-set` }],
    ['track', { src: `${trap}/track`, default: '' }],
    ['body', { background: `${trap}/background`, onload: code(trap, 'onload'), onpageshow: code(trap, 'pageshow') }],
    ['table', { background: `${trap}/table` }],
    ['div', { style: `background:url(${trap}/style);background-image:image-set("${trap}/set" 1x)`, onmouseover: code(trap, 'over') }],
    ['div', { style: `background:u\\72l(${trap}/escaped);-moz-binding:url(${trap}/xbl)`, contenteditable: '' }],
    ['details', { open: '', ontoggle: code(trap, 'ontoggle') }],
    ['marquee', { onstart: code(trap, 'onstart'), loop: '1' }],
    ['div', { onanimationstart: code(trap, 'animation'), style: 'animation: rrweb 1s' }],
    ['dialog', { open: '', oncancel: code(trap, 'dialog') }],
    ['portal', { src: `${trap}/portal` }],
    ['fencedframe', { src: `${trap}/fenced` }],
    ['script', { src: `${trap}/script` }],
    ['script', {}, false, code(trap, 'script-text')],
    ['noscript', {}, false, `<img src=${trap}/noscript>`],
    ['template', {}, false, `<img src=${trap}/template>`],
    ['xmp', {}, false, `</xmp><script>${code(trap, 'xmp')}</script>`],
    ['style', {}, false, `@import url(${trap}/import); body{background:url('${trap}/sheet-url')} @font-face{font-family:x;src:url(${trap}/font)} *{font-family:x}`],
    ...joined(trap).map((css) => ['style', {}, false, css]),
    ['div', { style: `background:u)rl(${trap}/joined-inline)` }],
    ['style', {}, false, `</style><script>${code(trap, 'style')}</script>`],
    ['title', {}, false, `</title><script>${code(trap, 'title')}</script>`],
    ['textarea', {}, false, `</textarea><script>${code(trap, 'textarea')}</script>`],
    ['img/onerror=alert(1)', { src: 'x' }],
    ['script ', {}, false, code(trap, 'space')],
    ['svg', { onload: code(trap, 'svg-onload') }, true],
    ['script', { href: `${trap}/svg-script`, 'xlink:href': `${trap}/svg-xlink` }, true],
    ['script', {}, true, code(trap, 'svg-script')],
    // In a drawing, what stands before a colon is no part of the name.
    ['x:script', {}, true, code(trap, 'svg-prefix')],
    ['x:SCRIPT', {}, true, code(trap, 'svg-upper')],
    ['x:style', {}, true, `@import url(${trap}/svg-style-import); body{background:url(${trap}/svg-style)}`],
    // The Replayer writes names in small letters when it seeks.
    ['STYLE', {}, true, `@import url(${trap}/svg-upper-import); body{background:url(${trap}/svg-upper-style)}`],
    ['image', { href: `${trap}/svg-image`, 'xlink:href': `${trap}/svg-image-x` }, true],
    ['use', { href: `${trap}/use#a`, 'xlink:href': `data:image/svg+xml,<svg id='a' onload='${js('use')}'/>#a` }, true],
    ['feImage', { href: `${trap}/filter` }, true],
    ['a', { 'xlink:href': js('svg-a') }, true],
    ['animate', { attributeName: 'href', values: js('animate'), begin: '0s', onbegin: code(trap, 'onbegin') }, true],
    ['set', { attributeName: 'onmouseover', to: code(trap, 'set') }, true],
    ['rect', { fill: `url(${trap}/fill#a)`, filter: `url(${trap}/filter#a)`, style: `mask:url(${trap}/mask)` }, true],
    ['handler', { 'ev:event': 'load' }, true, code(trap, 'handler')],
    ['rect', { fill: `u)rl(${trap}/joined-fill)`, stroke: `u/**/rl(${trap}/joined-stroke)` }, true],
    ['foreignObject', {}, true, `<iframe src=${trap}/foreign></iframe>`],
    ['maction', { actiontype: 'statusline#http://x', 'xlink:href': js('math') }],
  ];
}

/** Elements that take the place of what the Replayer asks their document for. */
const shadowing = ['createElement', 'createTextNode', 'querySelectorAll', 'defaultView', 'documentElement', 'body', 'open', 'nodeType'].flatMap((name) => [
  ['img', { name }],
  ['img', { name: 'x', id: name }],
  ['form', { name }],
  ['iframe', { name }],
]);

/** Names by which a form has a field in the place of what the Replayer asks it for. */
const fields = ['appendChild', 'insertBefore', 'removeChild', 'setAttribute', 'getAttribute', 'removeAttribute', 'childNodes', 'parentNode'];

/** Elements that no browser makes, and frames of which none makes a document. */
const unmade = [['xmlns', true], ['a@b', false], ['x:', true], ['frame', false], ['iframe', true]];

/** The session's batch. */
export function hostileBatch(trap, at) {
  const location = 'http://hostile.example/';
  const out = [
    message('TabData', `tab${texts(trap)[0]}`),
    message('SetPageLocation', location, texts(trap)[1], 0, texts(trap)[0]),
    message('SetViewportSize', 1000, 700),
    message('CreateDocument'),
    // The document's root element is there from the beginning.
    message('CreateElementNode', 2, 0, 0, 'head', false),
    message('CreateElementNode', 3, 0, 1, 'body', false),
  ];
  let next = 4;
  const place = (parent, list) => {
    let index = 0;
    for (const [tag, attributes, svg = false, text] of list) {
      const id = next++;
      out.push(message('CreateElementNode', id, parent, index++, tag, svg));
      for (const [name, value] of Object.entries(attributes)) out.push(message('SetNodeAttribute', id, name, value));
      if (text === undefined) continue;
      out.push(message('CreateTextNode', next, id, 0), message('SetNodeData', next, text), message('SetCSSData', next++, text));
    }
  };
  const all = elements(trap);
  place(2, all);
  place(3, all);
  // A frame of the same origin, and a shadow root, with all of it.
  for (const host of ['iframe', 'div']) {
    const [hostId, rootId] = [next++, next++];
    out.push(message('CreateElementNode', hostId, 3, 0, host, false), message('CreateIFrameDocument', hostId, rootId));
    const [html, body] = [next++, next++];
    out.push(message('CreateElementNode', html, rootId, 0, 'html', false), message('CreateElementNode', body, html, 0, 'body', false));
    place(body, all);
  }
  // A style element whose texts mean nothing, each by itself.
  const parted = next++;
  out.push(message('CreateElementNode', parted, 2, 0, 'style', false));
  for (const [index, text] of ['@im', `port "${trap}/parted-1"; /`, `* "*/ body{background:url(${trap}/parted-2)} /*"{}`].entries()) {
    out.push(message('CreateTextNode', next, parted, index), message('SetNodeData', next++, text));
  }
  place(3, shadowing);
  for (const [tag, svg] of unmade) {
    const [host, root, html] = [next++, next++, next++];
    out.push(message('CreateElementNode', host, 3, 0, tag, svg), message('CreateIFrameDocument', host, root));
    out.push(message('CreateElementNode', html, root, 0, 'html', false));
  }
  const forms = fields.flatMap((name) => ['name', 'id'].map((attribute) => {
    const [form, field, text] = [next++, next++, next++];
    out.push(message('CreateElementNode', form, 3, 0, 'form', false), message('CreateElementNode', field, form, 0, 'input', false));
    out.push(message('SetNodeAttribute', field, attribute, name), message('CreateTextNode', text, form, 1), message('SetNodeData', text, 'before'));
    return [form, text];
  }));
  // Later changes: of elements that were harmless.
  const later = [];
  const harmless = next;
  for (const [tag, attributes] of all) {
    out.push(message('CreateElementNode', next, 3, 0, tag, false));
    for (const [name, value] of Object.entries(attributes)) {
      later.push(message('SetNodeAttribute', next, name, value), message('SetNodeAttributeURLBased', next, name, value, `${trap}/`));
    }
    next++;
  }
  for (const [form, text] of forms) {
    later.push(message('SetNodeAttribute', form, 'class', 'x'), message('RemoveNode', text), message('CreateElementNode', text, form, 0, 'p', false));
    later.push(message('SetNodeAttribute', form, 'title', 'x'), message('RemoveNodeAttribute', form, 'title'));
  }
  later.push(
    message('StringDictGlobal', 1, 'onclick'),
    message('StringDictGlobal', 2, code(trap, 'dictionary')),
    message('SetNodeAttributeDictGlobal', harmless, 1, 2),
    message('SetNodeAttributeDict', harmless, 'src', 'src'),
    message('CSSInsertRule', 4, `@import url(${trap}/rule);`, 0),
    message('AdoptedSSReplaceURLBased', 1, `body{background:url(adopted)}`, `${trap}/`),
    message('AdoptedSSAddOwner', 1, 0),
    message('NodeAnimationResult', harmless, `background:url(${trap}/animated)`),
    message('NodeAnimationResult', harmless, JSON.stringify({ backgroundImage: `url(${trap}/animated)`, content: `'';cursor:url(${trap}/animated)`, '--x': `image-set('${trap}/animated')` })),
    message('SetInputValue', harmless, texts(trap)[0], 0),
  );
  const said = texts(trap).flatMap((text) => [
    message('ConsoleLog', 'error', text),
    message('NetworkRequest', text, text, text, text, text, 200, at, 5, 7),
    message('JSException', text, text, text, text),
    message('CustomEvent', text, text),
    message('CustomIssue', text, text),
    message('UserID', text),
    message('Metadata', text, text),
    message('Redux', text, text, 1, 1),
    message('GraphQL', text, text, text, text, 1),
    message('WSChannel', text, text, text, at, text, text),
    message('MouseClick', 3, 0, text, text, 0, 0),
    message('InputChange', 3, text, false, text, 0, 0),
    message('SetPageLocation', `${location}${text}`, text, 0, text),
  ]);
  const text = (id, words) => [message('CreateTextNode', id, 3, 0), message('SetNodeData', id, words)];
  const second = (number) => message('Timestamp', at + number * 1000);
  return batch(at, location, [second(0), ...out, message('Timestamp', 2 ** 52), ...text(next, 'in another age'), second(2), ...later, second(3), ...said, second(4), message('MouseMove', 30, 40), message('MouseClick', 3, 0, 'end', 'end', 0, 0)]);
}

/** The same as rrweb's own events, with nothing taken out: what the player would get if the server let everything through. */
export function rawEvents(trap, at) {
  let id = 10;
  const node = ([tag, attributes, svg = false, text]) => ({
    type: 2,
    id: id++,
    tagName: tag.trim().split('/')[0],
    attributes: { ...attributes },
    isSVG: svg || undefined,
    childNodes: text === undefined ? [] : [{ type: 3, id: id++, textContent: text }],
  });
  const element = (tagName, own, childNodes) => ({ type: 2, id: own, tagName, attributes: {}, childNodes });
  const page = {
    type: 0,
    id: 1,
    childNodes: [element('html', 2, [element('head', 3, elements(trap).map(node)), element('body', 4, elements(trap).map(node))])],
  };
  const change = (data, later) => ({ type: 3, data: { source: 0, texts: [], attributes: [], removes: [], adds: [], ...data }, timestamp: at + later });
  const adds = elements(trap).map((one) => ({ parentId: 4, nextId: null, node: node(one) }));
  const attributes = elements(trap).map(([, more], index) => ({ id: adds[index].node.id, attributes: more }));
  const custom = (tag, payload) => ({ type: 5, data: { tag, payload }, timestamp: at + 1500 });
  return [
    { type: 4, data: { href: `javascript:${code(trap, 'meta')}`, width: 1000, height: 700 }, timestamp: at },
    { type: 2, data: { node: page, initialOffset: { left: 0, top: 0 } }, timestamp: at },
    change({ adds }, 500),
    change({ attributes }, 1000),
    ...texts(trap).flatMap((text) => [custom(text, { [text]: text }), custom('ConsoleLog', { Level: text, Value: text })]),
    change({}, 3000),
  ];
}
