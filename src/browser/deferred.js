/**
 * Loads Pagewire's socket client into a page that must not load a module before its import maps: the daemon
 * injects this classic script with `defer`, so it runs when the page is parsed. The import is relative to this
 * script, whatever `base` element the page has.
 */
import('./client.js').catch((error) => {
  console.error('[pagewire] cannot load the socket client', error);
});
