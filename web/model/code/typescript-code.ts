// The classic pair in TypeScript on Node: `net` hides most calls, and reports a failed bind() as a failed listen().
import { codeLines, type CodePair } from './snippet.ts';

export const typescriptCode: CodePair = {
  server: ({ port, backlog, holdMs }) =>
    codeLines(`
import { createServer } from 'node:net';

// Half-open: a client that has said all it has to say still gets its reply.
const server = createServer({ allowHalfOpen: true }, (socket) => { @@accept4
  let timer: NodeJS.Timeout | undefined;
  socket.once('data', (bytes) => { @@read
    timer = setTimeout(() => { @@hold
      socket.end(Uint8Array.of((bytes.readUInt8(0) + 1) % 256)); @@write,shutdown
    }, ${holdMs});
    socket.resume(); // what else comes is read and forgotten @@drain
  });
  socket.on('end', () => {
    if (timer === undefined) socket.end();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer)); @@close
});

// socket, bind and listen in one; Node sets SO_REUSEADDR by itself.
server.listen({ host: '0.0.0.0', port: ${port}, backlog: ${backlog} }); @@socket,setsockopt,bind,listen
`),
  client: ({ port, byte }) =>
    codeLines(`
import { connect } from 'node:net';

const socket = connect({ host: '127.0.0.1', port: ${port} }, () => { @@socket,connect
  socket.write(Uint8Array.of(0x${byte.toString(16).padStart(2, '0')})); @@write
});
socket.on('data', (bytes) => { @@read
  console.log('char from server =', bytes.toString('latin1'));
});
socket.on('end', () => { @@drain
  // The socket closes itself: allowHalfOpen is false here. @@close
});
socket.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
`),
};
