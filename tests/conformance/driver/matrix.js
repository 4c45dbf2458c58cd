/** The result matrix: a row per case, a column per library. */

function verdict(library, testCase, results) {
  if (library.skipped) return 'skipped';
  return results.get(library.name).get(testCase.name).failure ? 'FAIL' : 'pass';
}

/** Prints the matrix for a terminal, optionally with the time of each case in milliseconds. */
export function printMatrix(cases, libraries, results, times) {
  const width = Math.max(...cases.map(({ name }) => name.length));
  const column = (text) => String(text).padEnd(16);
  console.log(['case'.padEnd(width), ...libraries.map(({ name }) => column(name))].join('  ').trimEnd());
  for (const testCase of cases) {
    const cells = libraries.map((library) => {
      const ms = results.get(library.name).get(testCase.name)?.ms;
      return column(verdict(library, testCase, results) + (times && ms !== undefined ? ` ${ms} ms` : ''));
    });
    console.log([testCase.name.padEnd(width), ...cells].join('  ').trimEnd());
  }
}

/** Prints the matrix as a Markdown table. */
export function printMarkdown(cases, libraries, results) {
  const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
  row(['case', 'what it claims', ...libraries.map(({ name }) => name)]);
  row(Array.from({ length: libraries.length + 2 }, () => '---'));
  for (const testCase of cases) {
    row([testCase.name, testCase.claim, ...libraries.map((library) => verdict(library, testCase, results))]);
  }
}

/** The totals in one line, and the number of failures. */
export function summary(cases, libraries, results) {
  const verdicts = libraries.flatMap((library) => cases.map((testCase) => verdict(library, testCase, results)));
  const count = (wanted) => verdicts.filter((one) => one === wanted).length;
  const failed = count('FAIL');
  return { failed, text: `${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped` };
}
