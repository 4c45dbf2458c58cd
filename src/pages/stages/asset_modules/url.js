/** Exports the URL of the file that a module imports, without `?url`. */
const { url } = import.meta;
// Tells `changes.js` that this module does not depend on the content of the file.
(globalThis[Symbol.for('pagewire.imports')] ??= new Set()).add(url);
const { pathname, search } = new URL(url);
const query = search.slice(1).split('&').filter((name) => name !== 'url').join('&');
export default query ? `${pathname}?${query}` : pathname;
