// What happened, as rows of the lists: made of the custom events in the stream, which carry the tracker's messages.

import { clock, figure, line, size } from './format.js';

/** The lists, and the kinds of rows that are in them. */
export const LISTS = [
  { name: 'all', title: 'All', kinds: null },
  { name: 'console', title: 'Console', kinds: ['console'] },
  { name: 'network', title: 'Network', kinds: ['request'] },
  { name: 'errors', title: 'Errors', kinds: ['error', 'issue'] },
  { name: 'custom', title: 'Custom', kinds: ['custom', 'user', 'state'] },
  { name: 'performance', title: 'Performance', kinds: ['speed'] },
];

const request = (p) => {
  const parts = [p.Method, p.Status || 'no answer', p.URL, `${p.Duration} ms`];
  if (p.TransferredBodySize) parts.push(size(p.TransferredBodySize));
  return ['request', parts.join(' '), p.Status === 0 || p.Status >= 400 ? 'bad' : ''];
};
const resource = (p) => ['speed', `${p.Initiator} ${p.URL} ${p.Duration} ms${p.EncodedBodySize ? ` ${size(p.EncodedBodySize)}` : ''}`];
const state = (name, what) => ['state', `${name} ${what}`];
const page = (p) => ['page', p.DocumentTitle ? `${p.URL} (${p.DocumentTitle})` : p.URL];
const failure = (p) => ['error', `${p.Name}: ${p.Message}`, 'bad'];
const click = (p) => ['click', p.Label || p.Selector || 'something without a name'];
const issue = (p) => ['issue', [p.Type ?? p.Name, p.ContextString ?? p.Payload].filter(Boolean).join(' '), 'bad'];
const graph = (p) => ['request', `${p.OperationKind} ${p.OperationName} ${p.Duration} ms`];

const of = {
  gap: () => ['gap', 'Something is missing here: it never arrived.', 'bad'],
  SetPageLocation: page,
  SetPageLocationDeprecated: page,
  MouseClick: click,
  MouseClickDeprecated: click,
  InputChange: (p) => ['input', `${p.Label}: ${p.ValueMasked ? '(masked)' : p.Value}`],
  NetworkRequest: request,
  NetworkRequestDeprecated: request,
  Fetch: request,
  GraphQL: graph,
  GraphQLDeprecated: graph,
  WSChannel: (p) => ['request', `${p.ChType} ${p.Dir} ${p.ChannelName} ${p.Data}`],
  JSException: failure,
  JSExceptionDeprecated: failure,
  IntegrationEvent: (p) => ['error', `${p.Source} ${p.Name}: ${p.Message}`, 'bad'],
  ConsoleLog: (p) => ['console', `${p.Level}: ${p.Value}`, p.Level === 'error' ? 'bad' : p.Level === 'warn' ? 'doubtful' : ''],
  CustomEvent: (p) => ['custom', `${p.Name} ${p.Payload}`],
  CustomIssue: issue,
  IssueEvent: issue,
  IssueEventDeprecated: issue,
  Incident: (p) => ['issue', p.Label, 'bad'],
  MouseThrashing: () => ['issue', 'The pointer was shaken.', 'doubtful'],
  TagTrigger: (p) => ['custom', `tag ${p.TagId}`],
  UserID: (p) => ['user', `user ${p.ID}`],
  UserAnonymousID: (p) => ['user', `anonymous user ${p.ID}`],
  Metadata: (p) => ['user', `${p.Key}: ${p.Value}`],
  Redux: (p) => state('Redux', p.Action),
  ReduxDeprecated: (p) => state('Redux', p.Action),
  NgRx: (p) => state('NgRx', p.Action),
  Vuex: (p) => state('Vuex', p.Mutation),
  Zustand: (p) => state('Zustand', p.Mutation),
  MobX: (p) => state('MobX', p.Type),
  StateAction: (p) => state('state', p.Type),
  OTable: (p) => state(p.Key, p.Value),
  PageLoadTiming: (p) => ['speed', `load: first byte ${p.ResponseStart} ms, first paint ${p.FirstPaint} ms, loaded ${p.LoadEventEnd} ms`],
  PageRenderTiming: (p) => ['speed', `render: speed index ${p.SpeedIndex}, complete ${p.VisuallyComplete} ms, interactive ${p.TimeToInteractive} ms`],
  WebVitals: (p) => ['speed', `${p.Name} ${figure(p.Value)}`],
  LongTask: (p) => ['speed', `long task ${p.Duration} ms`, 'doubtful'],
  LongAnimationTask: (p) => ['speed', `long frame ${p.Duration} ms, blocked for ${p.BlockingDuration} ms ${p.Name}`, 'doubtful'],
  PerformanceTrack: (p) => ['speed', `${p.Frames < 0 ? '' : `${p.Frames} frames, `}heap ${size(p.UsedJSHeapSize)} of ${size(p.TotalJSHeapSize)}`],
  Profiler: (p) => ['speed', `${p.Name} ${p.Duration} ms`],
  ConnectionInformation: (p) => ['speed', `connection ${p.Type}, ${p.Downlink} kbit/s`],
  ResourceTiming: resource,
  ResourceTimingDeprecated: resource,
  ResourceTimingDeprecatedDeprecated: resource,
  SetPageVisibility: (p) => ['window', p.hidden ? 'The page is hidden.' : 'The page is shown.'],
  SelectionChange: (p) => (p.Selection ? ['select', p.Selection] : null),
  MobileViewComponentEvent: (p) => (p.Visible ? ['page', [p.ScreenName, p.ViewName].filter(Boolean).join(' ')] : null),
  MobileClickEvent: (p) => ['click', p.Label || `${p.X}, ${p.Y}`],
  MobileSwipeEvent: (p) => ['swipe', `${p.Label || `${p.X}, ${p.Y}`}: ${p.Direction}`],
  MobileInputEvent: (p) => ['input', `${p.Label}: ${p.ValueMasked ? '(masked)' : p.Value}`],
  MobileNetworkCall: request,
  MobileGraphQL: graph,
  MobileLog: (p) => ['console', `${p.Severity}: ${p.Content}`, { error: 'bad', warning: 'doubtful' }[String(p.Severity).toLowerCase()] ?? ''],
  MobileCrash: (p) => ['error', `crash: ${p.Name}: ${p.Reason}`, 'bad'],
  MobileInternalError: (p) => ['error', p.Content, 'bad'],
  MobileEvent: (p) => ['custom', `${p.Name} ${p.Payload}`],
  MobileIssueEvent: issue,
  MobileUserID: (p) => ['user', `user ${p.ID}`],
  MobileUserAnonymousID: (p) => ['user', `anonymous user ${p.ID}`],
  MobileMetadata: (p) => ['user', `${p.Key}: ${p.Value}`],
  MobilePerformanceEvent: (p) => ['speed', `${p.Name}: ${p.Value}`],
  // What the player itself goes by, and what trackers need for themselves.
  SetInputTarget: () => null,
  AssetCache: () => null,
  MobileScreenChanges: () => null,
  // Changes of tabs are rows of their own.
  TabChange: () => null,
  tab: () => null,
};

/** The row for a custom event: `{ at, kind, text, mood, name, fields }`, with the time as the event has it; null if it tells nobody anything. */
export function rowOf(event) {
  const name = String(event.data.tag);
  const fields = event.data.payload ?? {};
  const known = Object.hasOwn(of, name) ? of[name] : null;
  const told = known ? known(fields) : ['other', name];
  if (told === null) return null;
  const [kind, text, mood = ''] = told;
  return { at: event.timestamp, kind, text: line(text), mood, name, fields };
}

/** A row as one line, for hints. */
export function inOneLine(row, origin) {
  return `${clock(row.at - origin, true)} ${row.kind} ${row.text}`;
}
