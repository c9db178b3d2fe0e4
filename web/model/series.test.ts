// The charts' figures against runs whose figures are known.
import { describe, expect, it } from 'vitest';
import { PAGE_SERIES_BINS } from '#wire/limits.ts';
import { SampleRun } from './sample-events.ts';
import { points, Series } from './series.ts';

function fed(tell: (run: SampleRun) => Parameters<Series['apply']>[0]): Series {
  const series = new Series();
  series.apply(tell(new SampleRun()));
  return series;
}

describe('the series', () => {
  it('counts exchanges in the second in which they were answered', () => {
    const series = fed((run) => [...run.served(100, 1, 50, 0), ...run.served(200, 2, 50, 0), ...run.served(1_900, 3, 300, 0)]);
    expect(points(series.bins, 0, 3).map((point) => point.exchangesPerS)).toEqual([2, 0, 1, 0]);
  });

  it('tells how late a reply was, its mean and its worst', () => {
    const series = fed((run) => [...run.served(0, 1, 100, 2), ...run.served(0, 2, 100, 6)]);
    const point = points(series.bins, 0, 0)[0]!;
    expect(point.lateMeanMs).toBeCloseTo(4, 6);
    expect(point.lateMostMs).toBeCloseTo(6, 6);
  });

  it('shows the most that lived at once, and goes on where nothing happens', () => {
    const series = fed((run) => [run.accepted(0, 1), run.accepted(10, 2), ...run.served(20, 3, 10, 0)]);
    expect(points(series.bins, 0, 2).map((point) => point.live)).toEqual([3, 2, 2]);
  });

  it('lets all connections of a server end with its process', () => {
    const series = fed((run) => [run.accepted(0, 1), run.accepted(10, 2), run.serverExited(1_500)]);
    expect(points(series.bins, 0, 2).map((point) => point.live)).toEqual([2, 2, 0]);
  });

  it('knows the queue as it was last seen, and says nothing before anybody looked', () => {
    const series = fed((run) => [run.queue(1_100, 4), run.queue(1_200, 1), run.queue(3_100, 0)]);
    expect(points(series.bins, 0, 4).map((point) => point.queue)).toEqual([null, 4, 1, 1, 0]);
  });

  it('begins in the middle with what went before', () => {
    const series = fed((run) => [run.accepted(0, 1), run.queue(10, 3)]);
    expect(points(series.bins, 5, 5)).toMatchObject([{ live: 1, queue: 3, exchangesPerS: 0 }]);
  });

  it('counts nothing twice when a snapshot tells it again', () => {
    const run = new SampleRun();
    const first = [...run.served(0, 1, 10, 0), run.accepted(20, 2)];
    const series = new Series();
    series.apply(first);
    series.resume(run.seq, first);
    expect(points(series.bins, 0, 0)).toMatchObject([{ exchangesPerS: 1, live: 1 }]);
    series.apply([run.serverCall(30, 2, 'close', {}, 0)]);
    expect(points(series.bins, 1, 1)[0]!.live).toBe(0);
  });

  it('stays bounded', () => {
    const run = new SampleRun();
    const series = new Series();
    for (let i = 0; i < PAGE_SERIES_BINS + 50; i += 1) series.apply([run.queue(i * 250, i % 5)]);
    expect(series.bins).toHaveLength(PAGE_SERIES_BINS);
    expect(series.bins.at(-1)?.at).toBe(PAGE_SERIES_BINS + 49);
  });
});
