/** A running daemon, as described by its discovery file. */
export interface Daemon {
  /** The daemon's process id. */
  readonly pid: number;
  /** The served folders: absolute paths without symbolic links. */
  readonly rootDirs: readonly string[];
  /** The first URL of its pages. */
  readonly http: string;
  /** The daemon's first control address. */
  readonly control: string;
  /** All control addresses of the daemon. */
  readonly controls: readonly string[];
  /** The file with its token; undefined when no control address needs one. */
  readonly tokenFile: string | undefined;
}
