// Where clients may be sent: nowhere but to our own server, or what the operator allowed, however an address is spelled.
import { expect } from 'playwright/test';
import { needsStrace, traced } from '../faults/surroundings.ts';
import { MAIN } from '../bridge-under-test.ts';
import { FeedClient } from '../feed-client.ts';
import { run } from '../programs.ts';
import { pidOf } from '../upkeep.ts';
import { withstands } from './withstands.ts';

/** Each names this machine, another one, or nothing, in a spelling that some resolver or parser takes. */
const SPELLINGS = [
  '0x7f.1',
  '0x7f000001',
  '127.1',
  '127.0.1',
  '2130706433',
  '017700000001',
  '0177.0.0.1',
  '127.0.0.01',
  '127.0.0.1.',
  ' 127.0.0.1',
  '127.0.0.1 ',
  '127.0.0.1\u0000',
  '127.0.0.1%00',
  '127.0.0.1:9736',
  '127.0.0.1/32',
  '127。0。0。1',
  '１２７.0.0.1',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  'fe80::1',
  'fe80::1%lo',
  'localhost',
  'ip6-localhost',
  '127.0.0.1.nip.io',
  'evil.example',
  '',
  '.',
  '256.0.0.1',
  '-1',
  '1e9',
];
/** Well spelled, and not allowed: all hosts, link-local, the metadata service, broadcast, multicast, others. */
const FOREIGN = [
  '0.0.0.0',
  '0.0.0.1',
  '127.0.0.3',
  '126.255.255.255',
  '128.0.0.0',
  '169.254.169.254',
  '169.254.0.1',
  '10.0.0.1',
  '192.168.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '8.8.8.8',
];

for (const [what, allowed] of [
  ['without --allow-target', []],
  ['with --allow-target 127.0.0.2/32', ['--allow-target', '127.0.0.2/32']],
] as const) {
  withstands(
    `every odd spelling and every foreign address is refused before a packet leaves, ${what}`,
    { flags: allowed, lacking: needsStrace },
    async ({ bridge, figure }) => {
      const hosts = [...SPELLINGS, ...FOREIGN];
      const client = await pidOf(bridge, 'tcp-client');
      const lines = await traced(client, 'socket,connect,sendto', null, async () => {
        for (const host of hosts) {
          const feed = await FeedClient.connect(bridge.url);
          const reply = await feed.command({ type: 'spawn-clients', byte: 65, count: 1, target: { host, port: bridge.tcpPort } });
          expect(reply, JSON.stringify(host)).toMatchObject({ ok: false, error: { code: 'target-refused', field: '/target' } });
          feed.close();
        }
      });
      expect(lines.filter((line) => /^(socket|connect|sendto)\(/.test(line))).toEqual([]);
      figure(`${hosts.length} targets refused, and not one socket made`);
    },
  );
}

withstands(
  'what is allowed is connected to exactly as it was checked, by address and port',
  { flags: ['--allow-target', '127.0.0.2/32'], lacking: needsStrace },
  async ({ bridge, bystander }) => {
    const client = await pidOf(bridge, 'tcp-client');
    const lines = await traced(client, 'connect', null, async () => {
      const reply = await bystander.command({ type: 'spawn-clients', byte: 65, count: 1, target: { host: '127.0.0.2', port: bridge.tcpPort } });
      const [clientId] = reply['clientIds'] as [string];
      expect((await bystander.event((event) => event.kind === 'client-ended' && event.clientId === clientId)).outcome).toBe('replied');
    });
    const connects = lines.filter((line) => line.startsWith('connect('));
    expect(connects).toHaveLength(1);
    expect(connects[0]).toContain(`sin_port=htons(${bridge.tcpPort}), sin_addr=inet_addr("127.0.0.2")`);
  },
);

withstands('an --allow-target that cannot be read is wrong usage, not a hole', {}, async ({ bridge }) => {
  for (const wrong of [
    '0/0',
    '127.1/8',
    '0x7f.0.0.0/8',
    'localhost',
    '::/0',
    '127.0.0.0/33',
    '127.0.0.0/-1',
    '127.0.0.0/8:0',
    '127.0.0.0/8:65536',
    '127.0.0.0/8:x',
    '*',
  ]) {
    const end = await run(process.execPath, [MAIN, 'serve', '--http-port', '0', '--tcp-port', '0', '--allow-target', wrong], { timeoutMs: 10_000 });
    expect(end.code, wrong).toBe(2);
    expect(end.stderr, wrong).toContain('allow-target');
  }
  expect(bridge.tcpPort).toBeGreaterThan(0);
});
