/** The events of subscriptions as lines of the runner. */

import type { Event, FailedResource } from 'pagewire';

/** The fields of an event line. */
export function eventFields(event: Event): object {
  const common = { kind: event.kind, sequence: event.position.sequence };
  switch (event.kind) {
    case 'message':
      return { ...common, socket_id: event.message.socketId, text: event.message.text };
    case 'socket_opened':
    case 'socket_updated':
      return { ...common, socket_id: event.socket.socketId };
    case 'socket_closed':
      return { ...common, socket_id: event.closed.socketId };
    case 'console': {
      const { socketId, args, url, line, column } = event.entry;
      return {
        ...common,
        socket_id: socketId,
        text: args.map(String).join(' '),
        url,
        line,
        column,
      };
    }
    case 'page_error': {
      const { socketId, exception, failedResource } = event.error;
      const failed_resource = failedResource && failedFields(failedResource);
      return { ...common, socket_id: socketId, text: exception.message, failed_resource };
    }
    case 'file':
      return { ...common, text: event.file.filePath };
    case 'gap':
      return { ...common, after: event.gap.afterSequence, before: event.gap.beforeSequence };
  }
}

function failedFields({ pluginName, location, ...rest }: FailedResource): object {
  const { file, line, column } = location ?? {};
  const known = Object.entries({ file, line, column }).filter(([, value]) => value);
  return { plugin_name: pluginName, ...rest, ...Object.fromEntries(known) };
}
