/**
 * A reporter that names what was skipped. The titles of such tests say in brackets what they need, or
 * a note says it. With MAY_LACK, a list in JSON of what this machine may lack, a test that was skipped
 * for another reason, or for none that it says, is a failure: a probe was wrong.
 */
const mayLack = process.env.MAY_LACK === undefined ? undefined : JSON.parse(process.env.MAY_LACK);

/** What a skipped test says that it needs. */
function needs(test) {
  const inTitles = [...test.fullName.matchAll(/\[(?:needs |no )?([^\]]+)\]/g)];
  return [...inTitles.map(([, text]) => text), test.result().note ?? ''].flatMap(text =>
    text.split(/, */),
  );
}

export default class Skipped {
  onTestRunEnd(modules) {
    const skipped = modules.flatMap(module => [...module.children.allTests('skipped')]);
    const list = tests =>
      tests.map(test => `\n  ${test.project.name}: ${test.fullName} ${test.result().note ?? ''}`);
    if (skipped.length > 0) console.log(`Skipped on this machine:${list(skipped).join('')}`);
    if (mayLack === undefined) return;
    const lacked = need => mayLack.some(name => need === name || need.startsWith(`${name} `));
    const wrong = skipped.filter(test => !needs(test).some(lacked));
    if (wrong.length === 0) return;
    console.log(`Skipped though nothing that this machine lacks is needed:${list(wrong).join('')}`);
    process.exitCode = 1;
  }
}
