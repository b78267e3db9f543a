import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prometheusMeter } from '../../../adapters/observe/index.ts'
import { metrics } from '../../../runtime/metrics.ts'

const lane = { stage: 'label', partition: 3 }

/** Lines of one metric, without what explains it. */
const linesOf = async (meter: ReturnType<typeof prometheusMeter>, name: string) =>
  (await meter.scrape()).body.split('\n').filter((line) => line.startsWith(name))

test('counters and histograms add up under the labels they were given, and the stream', async () => {
  const meter = prometheusMeter()
  const of = meter.of('main')
  of.count('gainstream_records_in_total', 2, lane)
  of.count('gainstream_records_in_total', 3, lane)
  meter.of('other').count('gainstream_records_in_total', 1, lane)
  of.observe('gainstream_commit_seconds', 0.02, { stage: 'label' })
  expect(await linesOf(meter, 'gainstream_records_in_total')).toEqual([
    'gainstream_records_in_total{stream="main",stage="label",partition="3"} 5',
    'gainstream_records_in_total{stream="other",stage="label",partition="3"} 1',
  ])
  const commits = await linesOf(meter, 'gainstream_commit_seconds')
  expect(commits).toContain('gainstream_commit_seconds_bucket{le="0.01",stream="main",stage="label"} 0')
  expect(commits).toContain('gainstream_commit_seconds_bucket{le="0.025",stream="main",stage="label"} 1')
  expect(commits).toContain('gainstream_commit_seconds_sum{stream="main",stage="label"} 0.02')
})

test('a gauge is what it is when somebody looks, and is gone once nobody watches', async () => {
  const meter = prometheusMeter()
  let [lag, known] = [7, true]
  const stop = meter.of('main').watch('gainstream_lag', async () => (known ? lag : undefined), lane)
  const line = (value: number) => [`gainstream_lag{stream="main",stage="label",partition="3"} ${value}`]
  expect(await linesOf(meter, 'gainstream_lag')).toEqual(line(7))
  lag = 5
  expect(await linesOf(meter, 'gainstream_lag')).toEqual(line(5))
  known = false
  expect(await linesOf(meter, 'gainstream_lag')).toEqual([])
  known = true
  stop()
  expect(await linesOf(meter, 'gainstream_lag')).toEqual([])
})

test('a partition that comes back at once is told of by its new lane, whatever the old one does', async () => {
  const meter = prometheusMeter()
  const of = meter.of('main')
  const stopOld = of.watch('gainstream_lag', () => 100, lane)
  of.watch('gainstream_lag', () => 1, lane)
  stopOld()
  expect(await linesOf(meter, 'gainstream_lag')).toEqual([
    'gainstream_lag{stream="main",stage="label",partition="3"} 1',
  ])
})

test('a gauge that fails or hangs costs nobody else a word', async () => {
  const meter = prometheusMeter(50)
  const of = meter.of('main')
  of.watch('gainstream_lag', () => new Promise(() => {}), lane)
  of.watch('gainstream_lag', () => Promise.reject(new Error('away')), { ...lane, partition: 4 })
  of.watch('gainstream_lag', () => 2, { ...lane, partition: 5 })
  expect(await linesOf(meter, 'gainstream_lag')).toEqual([
    'gainstream_lag{stream="main",stage="label",partition="5"} 2',
  ])
})

test('the process itself is measured, too', async () => {
  const { body, type } = await prometheusMeter().scrape()
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(body).toMatch(/^nodejs_eventloop_lag_seconds \d/m)
  expect(body).toMatch(/^process_resident_memory_bytes \d/m)
})

const root = join(import.meta.dirname, '../../..')
const sources = ['runtime', 'adapters', 'cli'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && join(folder, path) !== 'runtime/metrics.ts')
    .map((path) => readFileSync(join(root, folder, path), 'utf8')),
)

test('every metric that is spoken of in the code is in the table, and every one in the table is spoken of', () => {
  const spoken = new Set(
    sources.flatMap((text) => [...text.matchAll(/'(gainstream_[a-z_]+)'/g)].map(([, name]) => name)),
  )
  expect([...spoken].sort()).toEqual(Object.keys(metrics).sort())
})

test('names end in what they count, as Prometheus has it: _total for counters and for nothing else', () => {
  for (const [name, { type }] of Object.entries(metrics)) expect(name.endsWith('_total'), name).toBe(type === 'counter')
})
