/** Exports a constructor of workers that run the module at this URL, without `?worker` and `?sharedworker`. */
const url = new URL(import.meta.url);
const query = url.search.slice(1).split('&');
url.search = query.filter((name) => !['worker', 'sharedworker'].includes(name)).join('&');
export default function ImportedWorker(options) {
  const name = options?.name;
  const Type = query.includes('sharedworker') ? SharedWorker : Worker;
  return new Type(url, { __proto__: null, type: 'module', name });
}
