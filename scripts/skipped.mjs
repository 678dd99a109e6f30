/** A reporter that names what was skipped. The titles of such tests say in brackets what they need. */
export default class Skipped {
  onTestRunEnd(modules) {
    const skipped = modules
      .flatMap(module => [...module.children.allTests('skipped')])
      .map(test => `  ${test.project.name}: ${test.fullName}`);
    if (skipped.length > 0) console.log(`Skipped on this machine:\n${skipped.join('\n')}`);
  }
}
