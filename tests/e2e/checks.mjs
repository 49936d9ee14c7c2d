// Checks, counted and printed.

export const tally = { passed: 0, failed: 0 };

/** Counts a check. `faults` lists what is wrong: nothing, when all is well. */
export function check(name, faults, detail = '') {
  const list = Array.isArray(faults) ? faults : faults ? [] : ['it does not hold'];
  if (list.length === 0) {
    tally.passed += 1;
    console.log(`  ok      ${name}${detail && ` (${detail})`}`);
    return;
  }
  tally.failed += 1;
  console.log(`  FAILED  ${name}${detail && ` (${detail})`}`);
  for (const fault of list.slice(0, 10)) console.log(`          ${fault}`);
  if (list.length > 10) console.log(`          and ${list.length - 10} more`);
}
