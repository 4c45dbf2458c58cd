// Passes arguments to the default export of a virtual module, and prints its return value.

import { run } from 'pagewire';

const MODULE = `export default (name, times) => {
    const text = \`Hello \${name}! \`.repeat(times).trim();
    document.body.append(text);
    return text.length;
};`;

await run({
  name: 'virtual-module-parameters',
  injectWebSocket: true,
  serve: { filter: '/virtual/greet.js', handler: () => MODULE },
  async onSocketReady({ socketId }, client) {
    const greet = { path: '/virtual/greet.js', args: ['Pagewire', 2] };
    for (const row of (await client.importValue({ socket: socketId }, greet)).rows) {
      if (row.error) console.log(`the page failed: ${row.error.message}`);
      else console.log(`the page wrote ${row.value} letters`);
    }
  },
});
