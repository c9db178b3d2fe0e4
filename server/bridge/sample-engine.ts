// Engines for tests: small scripts that speak the pipes' protocol, well or badly, in a process of their own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

// Spoken from the protocol's description, not with its code: two sides written apart can find each other's mistakes.
const PRELUDE = `
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
export const options = JSON.parse(process.argv[2]);
export function frame(type, payload, length = payload.length) {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(type, 4);
  write(Buffer.concat([header, payload]));
}
export function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(4, bytes, at);
}
export const say = (report) => frame(2, Buffer.from(JSON.stringify(report)));
export const records = (bytes, droppedBefore = 0) => {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(droppedBefore, 0);
  frame(1, Buffer.concat([header, bytes]));
};
export const ready = (port = 4000) => say({ type: 'ready', fd: 3, port });
export const server = { accepted: 0, replied: 0, closedWithoutByte: 0, reset: 0, lost: 0, live: 0, held: 0 };
export const clients = { started: 0, replied: 0, failed: 0, ended: 0, live: 0 };
export const beat = (totals = {}) => say({ type: 'beat', atNs: 1, recorded: 0, dropped: 0, ...totals });
export const beats = (totals = {}) => { beat(totals); return setInterval(() => beat(totals), 250); };
let pending = Buffer.alloc(0);
export function onOrder(handle) {
  const orders = new Socket({ fd: 3, readable: true, writable: false });
  orders.on('end', () => process.exit(0));
  orders.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 8 && pending.length >= 8 + pending.readUInt32LE(0)) {
      const length = pending.readUInt32LE(0);
      const order = JSON.parse(pending.subarray(8, 8 + length));
      pending = pending.subarray(8 + length);
      handle(order);
    }
  });
}
export const answer = (order, more = {}) => say({ type: 'answer', id: order.id, ...more });
export const obey = (order) => { answer(order); if (order.type === 'stop') setTimeout(() => process.exit(0), 5); };
`;

let folder: string | null = null;
let scripts = 0;

/** The path of a script that runs `body` with everything PRELUDE exports in scope. Removed after the test file. */
export function sampleEngine(body: string): string {
  if (folder === null) {
    folder = mkdtempSync(join(tmpdir(), 'sockscope-engine-'));
    writeFileSync(join(folder, 'prelude.mjs'), PRELUDE);
  }
  scripts += 1;
  const path = join(folder, `engine-${scripts}.mjs`);
  writeFileSync(
    path,
    `import { options, frame, write, say, records, ready, beat, beats, onOrder, answer, obey, server, clients } from './prelude.mjs';\n${body}\n`,
  );
  return path;
}

afterAll(() => {
  if (folder !== null) rmSync(folder, { recursive: true });
});

/** An engine that does all it is told. */
export const GOOD_SERVER = 'onOrder(obey); ready(options.tcpPort || 4000); beats({ server });';
export const GOOD_CLIENT = 'onOrder(obey); ready(0); beats({ clients });';
