/** Applies the stylesheet at this URL, because a module imports it. */
const { url } = import.meta;
// Tells `changes.js` that this module does not depend on the content of the file.
(globalThis[Symbol.for('pagewire.imports')] ??= new Set()).add(url);
// A worker has no document, so nothing to apply it to.
if (globalThis.document) {
  const link = document.createElementNS('http://www.w3.org/1999/xhtml', 'link');
  link.rel = 'stylesheet';
  link.href = url;
  // A stylesheet that does not load is reported by the browser. One that is removed fires no event: `changes.js`
  // replaces it when its file changes, and page code may clear the head.
  let removal;
  await new Promise((resolve) => {
    link.addEventListener('load', resolve, { __proto__: null, once: true });
    link.addEventListener('error', resolve, { __proto__: null, once: true });
    (document.head ?? document.documentElement).append(link);
    removal = new MutationObserver(() => {
      if (!link.isConnected) resolve();
    });
    removal.observe(document, { __proto__: null, childList: true, subtree: true });
  });
  removal.disconnect();
}
