import { PagewireError } from './errors.js';

/** Checks a control address and returns it in the form that gRPC expects. */
export function parseAddress(value: string): string {
  const refuse = (problem: string) =>
    new PagewireError(
      'endpoint',
      `endpoint \`${value}\` ${problem} (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)`,
    );
  if (value.startsWith('unix:')) {
    // gRPC's two spellings: unix:path and unix:///absolute_path.
    const path = value.slice('unix:'.length).replace(/^\/\//, '');
    if (path === '') throw refuse('is a unix socket without a path');
    return `unix:${path}`;
  }
  if (value.startsWith('https://')) {
    throw refuse('uses TLS, which the control endpoint does not support');
  }
  const authority = value.replace(/^http:\/\//, '').replace(/\/$/, '');
  if (/[/?#@\s]/.test(authority)) throw refuse('is more than a host and a port');
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^[\]:]+):(\d{1,5})$/.exec(authority);
  if (parts === null) throw refuse('is not a host and a port');
  const port = Number(parts[2]);
  if (port === 0 || port > 65535) throw refuse('has no valid port');
  return authority;
}
