// Where each field of a record stands, and the tables that its numbers point into.
import type { EventKind } from './event.ts';
import { RECORD_BYTES } from './limits.ts';

// Tables of numbers on the wire: append only.
export const KINDS: readonly EventKind[] = [
  'call',
  'tcp-state',
  'accept-queue',
  'hold',
  'setting',
  'accept-paused',
  'accept-resumed',
  'cut',
  'client-ended',
  'process',
  'dropped',
  'socket-owner',
  'foreign-call',
  'reset',
  'retransmit',
  'segment-drop',
  'listener-drops',
  'sampling',
];

// Where each field stands, in words of the three views over the same bytes (little-endian, as on every machine Node runs on).
export const WORDS = RECORD_BYTES / 4;
export const DOUBLES = RECORD_BYTES / 8;
export const AT = 0; // float64
export const DURATION = 2; // uint32
export const TAG = 3; // four bytes: kind, call, process, evidence
export const PID = 4;
export const FD = 5;
export const RETURNED = 6;
export const ERRNO = 7;
export const A0 = 8;
export const A1 = 9;
export const A2 = 10;
export const LOCAL_IP = 11;
export const REMOTE_IP = 12;
export const PORTS = 13; // local << 16 | remote
export const SOCKET = 14;
export const LENGTHS = 15; // first byte: how many of the data bytes are meant; second: OWNER_KNOWN
/** The data begin with the name (16 bytes) and the pid (4) of the process that holds the socket. */
export const OWNER_KNOWN = 1;
export const OWNER_NAME_BYTES = 16;
export const OWNER_BYTES = 20;
export const DATA_BYTE = 64;
