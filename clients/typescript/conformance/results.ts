/** The results of hooks in conformance cases. */

import {
  Failure,
  type Change,
  type Content,
  type PageRequest,
  type Plugin,
  type ResolveImportCall,
  type ServeCall,
  type Served,
  type TransformCall,
} from 'pagewire';

/** A rule of a conformance case: a filter, and the result for the requests that match it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Rule = Record<string, any> & {
  filter: {
    path?: string;
    paths?: string[];
    prefix?: string;
    regex?: string;
    mime_types?: string[];
    methods?: string[];
    except?: string;
  };
};

/** A handler's access to its runner: the output, and the gates that `release` commands open. */
export interface Scene {
  readonly plugin: string;
  say(line: object): void;
  gate(name: string): Promise<void>;
}

/** Returns the first rule whose path, prefix or regex matches; a rule with any other filter always matches. */
function ruleFor(rules: Rule[], path: string): Rule | undefined {
  return rules.find(({ filter }) => {
    if (filter.path !== undefined) return path === filter.path;
    if (filter.paths !== undefined) return filter.paths.includes(path);
    if (filter.prefix !== undefined) return path.startsWith(filter.prefix);
    if (filter.regex !== undefined) return new RegExp(filter.regex).test(path);
    return true;
  });
}

/** Applies the rule fields that all hooks share: `wait_for`, `hang`, `throw` and `fail`. */
async function common(scene: Scene, rule: Rule, path: string, signal: () => AbortSignal) {
  if (rule['wait_for'] !== undefined) await scene.gate(rule['wait_for'] as string);
  if (rule['hang']) {
    await new Promise((resolve) => {
      if (signal().aborted) resolve(undefined);
      else signal().addEventListener('abort', resolve, { once: true });
    });
    scene.say({ event: 'cancelled', plugin: scene.plugin, path });
  }
  if (rule['throw'] !== undefined) throw new Error(rule['throw'] as string);
  if (rule['fail'] !== undefined) {
    const { message, ...place } = rule['fail'] as { message: string };
    throw new Failure(message, place);
  }
}

export function served(scene: Scene, rules: Rule[]): NonNullable<Plugin['serve']>['handler'] {
  return async (request: ServeCall): Promise<Served> => {
    const { path } = request;
    scene.say({ event: 'call', plugin: scene.plugin, hook: 'serve', path });
    const rule = ruleFor(rules, path);
    if (rule === undefined) return undefined;
    await common(scene, rule, path, () => request.signal);
    if (rule['skip'] || rule['hang']) return undefined;
    const options: Partial<Content> = {
      contentType: rule['type'] as string,
      status: rule['status'] as number,
      headers: rule['headers'] as Record<string, string>,
      remember: rule['remember'] as boolean,
      verbatim: rule['verbatim'] as boolean,
      dependsOn: rule['depends_on'] as string[],
    };
    if (rule['echo'])
      return { contentType: 'json', ...given(options), body: JSON.stringify(echo(request)) };
    if (rule['file'] !== undefined) return { ...given(options), file: rule['file'] as string };
    return { ...given(options), body: rule['body'] as string };
  };
}

function echo(request: ServeCall): object {
  const { method, path, query, headers } = request;
  return { method, path, query, headers: Object.fromEntries(headers), body: request.text() };
}

export function transformed(
  scene: Scene,
  rules: Rule[],
): NonNullable<Plugin['transform']>['handler'] {
  return async (response: TransformCall): Promise<Change | undefined> => {
    const { path } = response.request;
    const rule = ruleFor(rules, path);
    scene.say({ event: 'call', plugin: scene.plugin, hook: 'transform', path });
    if (rule === undefined) return undefined;
    await common(scene, rule, path, () => response.signal);
    if (rule['skip'] || rule['hang']) return undefined;
    let body: string | undefined;
    if (rule['replace'] !== undefined) {
      const [from, to] = rule['replace'] as [string, string];
      body = response.text().replaceAll(from, to);
    }
    if (rule['append'] !== undefined) body = (body ?? response.text()) + (rule['append'] as string);
    return given({
      body,
      contentType: rule['type'] as string,
      headers: rule['set_headers'] as Record<string, string>,
      removeHeaders: rule['remove_headers'] as string[],
      noCache: rule['no_cache'] as boolean,
      dependsOn: rule['depends_on'] as string[],
    });
  };
}

export function resolved(
  scene: Scene,
  rules: Rule[],
): NonNullable<Plugin['resolveImport']>['handler'] {
  return async (call: ResolveImportCall) => {
    const { path }: PageRequest = call.importer;
    scene.say({ event: 'call', plugin: scene.plugin, hook: 'resolve_import', path });
    const rule = ruleFor(rules, path);
    if (rule === undefined) return undefined;
    await common(scene, rule, path, () => call.signal);
    const map = (rule['map'] ?? {}) as Record<string, string>;
    return {
      specifiers: call.imports.map(({ specifier }) => map[specifier]),
      ...given({
        noCache: rule['no_cache'] as boolean,
        dependsOn: rule['depends_on'] as string[],
      }),
    };
  };
}

/** Returns the options without undefined fields. */
function given<Options extends object>(options: Options): Options {
  const said = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as Options;
}
