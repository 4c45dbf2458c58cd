/**
 * What a newcomer does first, in each language: installs the library as README.md says, copies the first program of the
 * library's README, runs it in a folder that a daemon serves, and opens the page.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { claimWithTools, TESTS } from './harness.js';

const CLONE = path.dirname(TESTS);

/** Packages may be downloaded and compiled. */
const INSTALL_MS = 300_000;

/** The commands around the one of README.md's table, and the file that holds the program. */
const LANGUAGES = {
  Python: {
    tools: ['python3'],
    file: 'hello.py',
    before: 'python3 -m venv .venv && . .venv/bin/activate',
    run: 'exec python3 hello.py',
  },
  TypeScript: {
    tools: ['node', 'npm'],
    file: 'hello.mjs',
    run: 'exec node hello.mjs',
  },
  Go: {
    tools: ['go'],
    file: 'main.go',
    before: 'go mod init hello',
    run: 'go build -o hello . && exec ./hello',
  },
  Java: {
    tools: ['java', 'mvn'],
    file: 'src/main/java/Hello.java',
    run: 'exec mvn -q compile exec:java -Dexec.mainClass=Hello',
  },
  Rust: {
    tools: ['cargo'],
    file: 'src/main.rs',
    before: `cargo init --quiet --name hello && cp ${CLONE}/Cargo.lock . && cargo add --quiet tokio -F macros,rt-multi-thread`,
    run: `cargo build --quiet --target-dir ${CLONE}/target && exec ${CLONE}/target/debug/hello`,
  },
};

/** The first block of this kind in a document. */
const firstBlock = (text, info) => new RegExp(`^\`\`\`${info}.*\\n([^]*?)^\`\`\`$`, 'm').exec(text)?.[1];

/** Maven's project file with the dependency as the library's README declares it. */
const pom = (dependency) => `<project><modelVersion>4.0.0</modelVersion><groupId>hello</groupId><artifactId>hello</artifactId>
<version>1</version><properties><maven.compiler.source>17</maven.compiler.source>
<maven.compiler.target>17</maven.compiler.target></properties>
<dependencies>${dependency}</dependencies></project>
`;

for (const [language, { tools, file, before = 'true', run }] of Object.entries(LANGUAGES)) {
  claimWithTools(tools, `${language}: the first plugin of the README serves a page and controls it`, async (world) => {
    const readme = await readFile(path.join(CLONE, 'README.md'), 'utf8');
    const [, folder, install] = new RegExp(`^\\| \\[${language}\\]\\((clients/.*?)/README\\.md\\) \\| .*?\`([^\`]*CLONE[^\`]*)\``, 'm').exec(readme);
    const library = await readFile(path.join(CLONE, folder, 'README.md'), 'utf8');
    const dependency = firstBlock(library, 'xml');
    const daemon = await world.daemon();
    const project = await world.site({
      [file]: firstBlock(library, '(?:rust|python|ts|go|java)'),
      ...(dependency && { 'pom.xml': pom(dependency) }),
      'script.sh': `set -eu\nexport CLONE=${CLONE}\n${before}\n${install}\n${run}\n`,
    });
    const plugin = world.script(path.join(project, 'script.sh'), project);
    const [, address] = (await plugin.unlessItExits('its log line', plugin.stderr.first('the log line of the plugin',
      (line) => line.includes('connected to '), 0, INSTALL_MS))).match(/connected to (\S+) as "hello"/);
    assert.equal(address, daemon.origin);
    const tab = await world.page(daemon);
    await tab.shows('Hello from a plugin');
    await tab.page.waitForFunction(() => document.body.style.background === 'gold');
  });
}
