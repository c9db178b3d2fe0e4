import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DESCRIPTOR_CALLS, WAITING_CALLS } from './call-events.ts';
import { SYSCALL_NUMBERS } from './syscall-numbers.ts';
import { TraceFormat } from './trace-format.ts';
import { knowsHeaderEvent, parseHeaderPage, readPage } from './trace-page.ts';

const FORMAT = `name: tcp_sample
ID: 2281
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:__u16 sport;\toffset:16;\tsize:2;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:18;\tsize:4;\tsigned:0;
\tfield:long ret;\toffset:24;\tsize:8;\tsigned:1;

print fmt: "reason=%s", __print_symbolic(REC->reason, { 1, "NOT_SPECIFIED" }, { 24, "TCP_OLD_ACK" }), REC->sport
`;

describe('the format of a tracepoint', () => {
  it('gives name, number, fields and symbols as the file has them', () => {
    const format = TraceFormat.parse(FORMAT);
    expect(format).toMatchObject({ name: 'tcp_sample', id: 2281, bytes: 32 });
    expect(format?.field('saddr')).toEqual({ name: 'saddr', offset: 18, size: 4, signed: false, count: 4 });
    expect(format?.field('dport')).toBeNull();
    expect(format?.reader('saddr')).toBeNull();
    expect([...(format?.symbols('reason') ?? [])]).toEqual([
      [1, 'NOT_SPECIFIED'],
      [24, 'TCP_OLD_ACK'],
    ]);
    expect(format?.symbols('sport').size).toBe(0);
  });

  it('reads numbers of every size, addresses of the kernel to 53 bits', () => {
    const format = TraceFormat.parse(FORMAT);
    const view = new DataView(new ArrayBuffer(40));
    view.setInt32(8 + 4, -7, true);
    view.setBigUint64(8 + 8, 0xffff888012345678n, true);
    view.setUint16(8 + 16, 65_535, true);
    view.setBigInt64(8 + 24, -115n, true);
    expect(format?.reader('common_pid')?.(view, 8)).toBe(-7);
    expect(format?.reader('skaddr')?.(view, 8)).toBe(Number(0xffff888012345678n & 0x1fffffffffffffn));
    expect(format?.reader('sport')?.(view, 8)).toBe(65_535);
    expect(format?.reader('ret')?.(view, 8)).toBe(-115);
  });

  it('understands any layout that is written down, and nothing that is not one', () => {
    const field = fc.record({ name: fc.stringMatching(/^[a-z_]{1,12}$/), size: fc.constantFrom(1, 2, 4, 8), signed: fc.boolean() });
    fc.assert(
      fc.property(fc.uniqueArray(field, { minLength: 1, maxLength: 20, selector: ({ name }) => name }), fc.nat(9_999), (fields, id) => {
        let offset = 0;
        const lines = fields.map(({ name, size, signed }) => {
          const line = `\tfield:some type ${name};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};`;
          offset += size;
          return line;
        });
        const format = TraceFormat.parse(`name: x\nID: ${id}\nformat:\n${lines.join('\n')}\n`);
        expect(format?.fields.map(({ name, size, signed }) => ({ name, size, signed }))).toEqual(fields);
        expect(format?.bytes).toBe(offset);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => TraceFormat.parse(text) === null || text.includes('field:')));
  });
});

const HEADER_PAGE = `\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
`;

interface Entry {
  deltaNs: number;
  words: number[];
}

/** A page as the kernel would write these entries. */
function pageOf(entries: readonly Entry[], pageNs: bigint, flags = 0, lost = 0): { view: DataView; bytes: number } {
  const view = new DataView(new ArrayBuffer(4_096));
  view.setBigUint64(0, pageNs, true);
  let at = 16;
  for (const { deltaNs, words } of entries) {
    if (deltaNs >= 2 ** 27) {
      view.setUint32(at, 30 | ((deltaNs % 2 ** 27) << 5), true);
      view.setUint32(at + 4, Math.floor(deltaNs / 2 ** 27), true);
      at += 8;
    }
    const delta = deltaNs >= 2 ** 27 ? 0 : deltaNs;
    if (words.length <= 28) view.setUint32(at, words.length | (delta << 5), true);
    else {
      view.setUint32(at, delta << 5, true);
      view.setUint32(at + 4, words.length * 4 + 4, true);
      at += 4;
    }
    at += 4;
    for (const word of words) {
      view.setUint32(at, word, true);
      at += 4;
    }
  }
  view.setUint32(8, ((at - 16) | flags) >>> 0, true);
  view.setUint32(at, lost, true);
  return { view, bytes: 4_096 };
}

describe('a page of the ring buffer', () => {
  const layout = parseHeaderPage(HEADER_PAGE);
  if (layout === null) throw new Error('the sample layout is not understood');

  it('has the layout that header_page describes', () => {
    expect(layout).toEqual({ commitBytes: 8, dataOffset: 16, pageBytes: 4_096 });
    expect(parseHeaderPage('field: u64 timestamp; offset:4; size:8;')).toBeNull();
    expect(knowsHeaderEvent('type_len : 5 bits')).toBe(false);
  });

  it('gives every entry with its time, whatever their sizes and the time between', () => {
    const entry = fc.record({
      deltaNs: fc.oneof(fc.nat(1_000), fc.nat(2 ** 40)),
      words: fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.bigInt(0n, 1n << 56n), (entries, pageNs) => {
        const { view, bytes } = pageOf(entries, pageNs);
        const seen: { atNs: number; words: number[] }[] = [];
        const end = readPage(view, bytes, layout, pageNs, (atNs, of, at, length) => {
          seen.push({ atNs, words: Array.from({ length: length / 4 }, (_, index) => of.getUint32(at + 4 * index, true)) });
        });
        let atNs = 0;
        expect(seen).toEqual(entries.map(({ deltaNs, words }) => ({ atNs: (atNs += deltaNs), words })));
        expect(end).toEqual({ records: entries.length, lost: 0, malformed: null });
      }),
    );
  });

  it('tells how many records were lost before it, or only that some were', () => {
    const entries = [{ deltaNs: 1, words: [7] }];
    const counted = pageOf(entries, 5n, 0xc000_0000, 123);
    expect(readPage(counted.view, counted.bytes, layout, 0n, () => undefined)).toMatchObject({ records: 1, lost: 123 });
    const uncounted = pageOf(entries, 5n, 0x8000_0000);
    expect(readPage(uncounted.view, uncounted.bytes, layout, 0n, () => undefined)).toMatchObject({ records: 1, lost: -1 });
  });

  it('whatever bytes it holds: never a throw, and never a record beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 512 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        readPage(view, bytes.length, layout, 0n, (_atNs, _view, at, length) => {
          expect(at + length).toBeLessThanOrEqual(bytes.length);
        });
      }),
    );
  });
});

const compiler = spawnSync('cc', ['-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '/dev/null'], { encoding: 'utf8' });

it.skipIf(compiler.status !== 0)('the numbers of system calls are those of the C compiler (needs cc)', () => {
  for (const call of [...DESCRIPTOR_CALLS, ...WAITING_CALLS]) {
    const defined = new RegExp(`^#define __NR_${call} (\\d+)$`, 'm').exec(compiler.stdout)?.[1];
    expect(SYSCALL_NUMBERS[call], call).toBe(defined === undefined ? undefined : Number(defined));
  }
});
