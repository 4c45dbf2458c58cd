/** The log of a plugin: its connection, and the failures of its handlers. */

import { FUNCTION, type Kind } from './check.js';

/** Receives a plugin's log, one text per call; failures have several lines. `console` is one. */
export interface Logger {
  /** The plugin is connected. */
  info(text: string): void;
  /** The plugin lost its daemon, or events. */
  warn(text: string): void;
  /** A handler failed. */
  error(text: string): void;
}

/** Checks the option. */
export const LOGGER: Kind = {
  name: 'false or an object with the functions info, warn and error',
  test: (value) =>
    value === false ||
    (['info', 'warn', 'error'] as const).every((level) =>
      FUNCTION.test((value as Partial<Logger> | null)?.[level]),
    ),
};

const write = (text: string) => console.error(`pagewire: ${text}`);
const STANDARD_ERROR: Logger = { info: write, warn: write, error: write };

const ignore = () => undefined;
const SILENT: Logger = { info: ignore, warn: ignore, error: ignore };

/** The logger of an option: standard error by default, `false` = silent. */
export function toLogger(option: Logger | false = STANDARD_ERROR): Logger {
  return option || SILENT;
}
