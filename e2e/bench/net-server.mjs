// A contender: the increment server as one writes it on Node's `net`. usage: net-server.mjs HOLD_MS BACKLOG; prints the port it was given.
import { createServer } from 'node:net';

const holdMs = Number(process.argv[2] ?? 0);
const backlog = Number(process.argv[3] ?? 4096);

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (data) => {
    const reply = Buffer.from([(data[0] + 1) & 0xff]);
    if (holdMs === 0) socket.end(reply);
    else setTimeout(() => socket.end(reply), holdMs);
  });
});
server.listen({ host: '0.0.0.0', port: 0, backlog }, () => console.log(`listening ${server.address().port}`));
