// Peers of the increment server, well-behaved and not, each a real socket of this process, and what each of them saw.
import { connect, type Socket } from 'node:net';

/** How a peer's connection ended, as the peer saw it. */
export interface PeerEnd {
  received: Buffer;
  /** The errno that ended it; null after an end of file or an end of the peer's own. */
  errno: string | null;
}

export class Peer {
  readonly socket: Socket;
  readonly connected: Promise<boolean>;
  readonly ended: Promise<PeerEnd>;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const chunks: Buffer[] = [];
    let errno: string | null = null;
    this.socket.on('data', (chunk) => chunks.push(chunk));
    this.connected = new Promise((resolve) => {
      this.socket.once('connect', () => {
        resolve(true);
      });
      this.socket.once('close', () => {
        resolve(false);
      });
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      errno = error.code ?? error.message;
    });
    this.socket.once('end', () => this.socket.end());
    this.ended = new Promise((resolve) => {
      this.socket.once('close', () => {
        resolve({ received: Buffer.concat(chunks), errno });
      });
    });
  }

  get port(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** FIN, and the reply is still read. */
  halfClose(): this {
    this.socket.end();
    return this;
  }

  /** RST. */
  reset(): this {
    this.socket.resetAndDestroy();
    return this;
  }
}

/** `count` peers, at most `atOnce` of them connecting at a time; resolves when all are connected or have failed to. */
export async function crowd(port: number, count: number, atOnce = 200): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) {
    const slice = Array.from({ length: Math.min(atOnce, count - peers.length) }, () => new Peer(port));
    peers.push(...slice);
    await Promise.all(slice.map((peer) => peer.connected));
  }
  return peers;
}

/** One whole exchange. */
export async function exchange(port: number, byte: string): Promise<PeerEnd> {
  return new Peer(port).send(byte).ended;
}

/** How often each word stands in `words`. */
export function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** What each peer came to, counted: the text it received, or the errno that ended it. */
export async function outcomes(peers: readonly Peer[]): Promise<Record<string, number>> {
  const ends = await Promise.all(peers.map((peer) => peer.ended));
  return tally(ends.map(({ received, errno }) => errno ?? received.toString('latin1')));
}
