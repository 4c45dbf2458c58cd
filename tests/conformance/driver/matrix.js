/** The table of what passed: a row for each case, a column for each library. */

function word(library, testCase, results) {
  if (library.absent) return 'skipped';
  return results.get(library.name).get(testCase.name).fault ? 'FAIL' : 'pass';
}

/** For a terminal; with the time of each case in milliseconds, if wanted. */
export function printMatrix(cases, libraries, results, times) {
  const width = Math.max(...cases.map(({ name }) => name.length));
  const column = (text) => String(text).padEnd(16);
  console.log(['case'.padEnd(width), ...libraries.map(({ name }) => column(name))].join('  ').trimEnd());
  for (const testCase of cases) {
    const cells = libraries.map((library) => {
      const ms = results.get(library.name).get(testCase.name)?.ms;
      return column(word(library, testCase, results) + (times && ms !== undefined ? ` ${ms} ms` : ''));
    });
    console.log([testCase.name.padEnd(width), ...cells].join('  ').trimEnd());
  }
}

/** For a README. */
export function printMarkdown(cases, libraries, results) {
  const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
  row(['case', 'what it claims', ...libraries.map(({ name }) => name)]);
  row(Array.from({ length: libraries.length + 2 }, () => '---'));
  for (const testCase of cases) {
    row([testCase.name, testCase.claim, ...libraries.map((library) => word(library, testCase, results))]);
  }
}

/** One line, and whether anything failed. */
export function summary(cases, libraries, results) {
  const words = libraries.flatMap((library) => cases.map((testCase) => word(library, testCase, results)));
  const count = (wanted) => words.filter((one) => one === wanted).length;
  const failed = count('FAIL');
  return { failed, text: `${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped` };
}
