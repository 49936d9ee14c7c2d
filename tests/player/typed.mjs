// Every event of an export is one by rrweb's own types.

import { fileURLToPath } from 'node:url';

import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

import { check } from '../e2e/checks.mjs';

/** What `@rrweb/types` says an event is: a function that lists what is wrong with one, and knows no field that the types do not have. */
export function typeOfEvents() {
  const path = fileURLToPath(import.meta.resolve('@rrweb/types').replace(/[^/]*$/, 'index.d.ts'));
  const schema = createGenerator({ path, type: 'eventWithTime', skipTypeCheck: true, additionalProperties: false }).createSchema('eventWithTime');
  const validate = new Ajv({ strict: false }).compile(schema);
  return (event) => (validate(event) ? [] : validate.errors.map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`));
}

/** Checks the events of several sessions: `[name, JSON]` each. */
export function allTyped(exports) {
  const faultsOf = typeOfEvents();
  const faults = [];
  const examples = new Map();
  let count = 0;
  for (const [name, json] of exports) {
    const events = JSON.parse(json);
    if (events.length === 0) faults.push(`${name} has no events`);
    for (const [number, event] of events.entries()) {
      count++;
      const kind = `${event.type} ${event.data?.source ?? ''} ${event.data?.isAttachIframe ?? ''}`;
      // Of each kind the one that says most.
      const length = JSON.stringify(event).length;
      if (length > (examples.get(kind)?.length ?? 0) && length < 200_000) examples.set(kind, { event, length });
      const wrong = faultsOf(event);
      if (wrong.length > 0) faults.push(`${name}, event ${number}: ${JSON.stringify(event).slice(0, 200)}: ${wrong.slice(0, 3).join('; ')}`);
    }
  }
  check("all events are such by rrweb's types", faults, `${count} events of ${exports.length} sessions, ${examples.size} kinds`);
  // All that the converter writes: a snapshot, address and size, one of our own, mutations, and the other sources of changes.
  const kinds = ['2  ', '4  ', '5  ', '3 0 ', '3 0 true', '3 1 ', '3 2 ', '3 3 ', '3 4 ', '3 5 ', '3 6 ', '3 8 ', '3 15 '];
  check('every kind of event is among them', kinds.filter((kind) => !examples.has(kind)));
  const broken = [...examples.values()].flatMap(({ event }) => breakages(event));
  check('an event that is broken is found', broken.filter(([, event]) => faultsOf(event).length === 0).map(([how]) => how), `${broken.length} broken events`);
}

/** An event with one thing wrong each time: every field that rrweb needs is left out, has another type, or has a stranger beside it. */
function breakages(event) {
  const kind = `an event ${event.type} of source ${event.data.source ?? 'none'}`;
  const changed = (change) => {
    const copy = structuredClone(event);
    change(copy);
    return copy;
  };
  const all = [
    [`${kind} without a time`, changed((copy) => delete copy.timestamp)],
    [`${kind} with a time as text`, changed((copy) => (copy.timestamp = String(copy.timestamp)))],
    [`${kind} without a type`, changed((copy) => delete copy.type)],
    [`${kind} with a type of its own`, changed((copy) => (copy.type = 17))],
    [`${kind} without data`, changed((copy) => delete copy.data)],
    [`${kind} with a field that rrweb does not know`, changed((copy) => (copy.data.stranger = 1))],
  ];
  const optional = new Set(['isAttachIframe', 'removes', 'adds', 'id', 'styleId', 'replaceSync', 'styles', 'x', 'y', 'text', 'isChecked']);
  for (const field of Object.keys(event.data)) {
    // What is optional somewhere is left out by right.
    if (!optional.has(field) && !(event.type === 5 && field === 'payload')) {
      all.push([`${kind} without ${field}`, changed((copy) => delete copy.data[field])]);
    }
    if (!(event.type === 5 && field === 'payload')) {
      all.push([`${kind} with another ${field}`, changed((copy) => (copy.data[field] = typeof copy.data[field] === 'object' ? 1 : {}))]);
    }
  }
  const node = event.data.node ?? event.data.adds?.[0]?.node;
  if (node) {
    const its = (copy) => copy.data.node ?? copy.data.adds[0].node;
    all.push([`${kind} with a node without a number`, changed((copy) => delete its(copy).id)]);
    all.push([`${kind} with a node of no type`, changed((copy) => (its(copy).type = 9))]);
    all.push([`${kind} with a node that has a stranger`, changed((copy) => (its(copy).stranger = true))]);
  }
  return all;
}
