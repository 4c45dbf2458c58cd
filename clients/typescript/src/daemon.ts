/** A running daemon, as described by its discovery file. */
export interface Daemon {
  /** Its process id. */
  readonly pid: number;
  /** The served folders: absolute paths without symbolic links. */
  readonly rootDirs: readonly string[];
  /** The first URL of its pages. */
  readonly http: string;
  /** Its first control address. */
  readonly control: string;
  /** All its control addresses. */
  readonly controls: readonly string[];
  /** The file with its token; undefined when no control address needs one. */
  readonly tokenFile: string | undefined;
}
