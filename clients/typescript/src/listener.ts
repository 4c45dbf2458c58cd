/** Finds out which process owns a listener, to distinguish a running daemon from one that now has its id or address. */

import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether a process listens at a TCP port. True if that is unknown. */
export async function ownsPort(pid: number, port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const read = (table: string) => readFile(table, 'utf8').catch(() => undefined);
  const read4and6 = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(read));
  const tables = read4and6.filter((table) => table !== undefined);
  if (tables.length === 0) return true;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const user = String(process.getuid?.());
  const lines = tables.flatMap((table) => table.split('\n'));
  // The local address, the state (0A: listening), the owner and the socket: see proc_net_tcp in the kernel's
  // documentation.
  const sockets = lines.flatMap((line) => {
    const [, address, , state, , , , owner, , inode] = line.trim().split(/\s+/);
    const listens = address?.endsWith(suffix) && state === '0A' && owner === user;
    return listens ? [`socket:[${inode}]`] : [];
  });
  const folder = `/proc/${pid}/fd`;
  let files: string[];
  try {
    files = await readdir(folder);
  } catch (error) {
    // `/proc/PID/fd` of a program with capabilities is not readable; then any listener of the current user at this
    // port counts as its own.
    return (error as NodeJS.ErrnoException).code === 'EACCES' && sockets.length > 0;
  }
  const targets = await Promise.all(
    files.map((file) => readlink(join(folder, file)).catch(() => '')),
  );
  return targets.some((target) => sockets.includes(target));
}
