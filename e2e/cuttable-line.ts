// A line between a page and its bridge that can be cut: while it is, nothing comes through and nobody is told, as when a cable is out.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CuttableLine {
  /** `http://127.0.0.1:PORT`: whoever asks here asks the bridge. */
  readonly url: string;
  /** `127.0.0.1:PORT`, as a browser names it in Host. */
  readonly host: string;
  /** The bridge's port, to be told before anybody asks. */
  leadTo(port: number): void;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** Lays a line of which one end is known: a bridge may have to be told of it before it is there. */
export async function layLine(): Promise<CuttableLine> {
  let port = 0;
  const ends = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' });
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      // One that is reset takes its other side with it.
      end.on('error', () => other.destroy());
      end.once('close', () => {
        ends.delete(end);
        other.destroy();
      });
      if (isCut) end.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    leadTo(bridgePort) {
      port = bridgePort;
    },
    cut() {
      isCut = true;
      for (const end of ends) end.pause();
    },
    mend() {
      isCut = false;
      for (const end of ends) end.resume();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const end of ends) end.destroy();
      }),
  };
}
