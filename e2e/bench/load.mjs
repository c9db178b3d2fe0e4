// The load generator where no C compiler is: the same arguments and the same line of JSON as load.c, on Node's `net`, and slower.
import { connect } from 'node:net';

const [port, concurrency, total, maxSeconds, rate = 0, holdMs = 0] = process.argv.slice(2).map(Number);
const startMs = performance.now();
const late = [];
let begun = 0;
let live = 0;
let done = 0;
let wrong = 0;
let failed = 0;
let lastReplyMs = 0;

function exchange() {
  begun += 1;
  live += 1;
  const byte = begun & 0xff;
  let writtenMs = 0;
  let replied = false;
  const socket = connect({ port, host: '127.0.0.1' }, () => {
    writtenMs = performance.now();
    socket.write(Buffer.from([byte]));
  });
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    replied = true;
    lastReplyMs = performance.now() - startMs;
    late.push(performance.now() - writtenMs - holdMs);
    if (data.length !== 1 || data[0] !== ((byte + 1) & 0xff)) wrong += 1;
  });
  socket.on('close', () => {
    live -= 1;
    done += 1;
    if (!replied) failed += 1;
    more();
  });
}

function more() {
  const elapsedMs = performance.now() - startMs;
  if (done >= total || elapsedMs > maxSeconds * 1e3) tell();
  const allowed = rate > 0 ? Math.floor((elapsedMs * rate) / 1e3) + 1 : total;
  while (begun < total && begun < allowed && live < concurrency) exchange();
}

function tell() {
  const seconds = (performance.now() - startMs) / 1e3;
  late.sort((a, b) => a - b);
  const at = (share) => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0;
  console.log(
    JSON.stringify({
      done,
      replied: late.length,
      wrong,
      failed,
      seconds,
      perSecond: late.length / seconds,
      lastReplyMs,
      lateMs: { least: at(0), p50: at(0.5), p99: at(0.99), most: at(1) },
    }),
  );
  process.exit(done >= total && failed === 0 && wrong === 0 ? 0 : 1);
}

setInterval(more, 1);
more();
