/** Follows a topic as a read_committed reader, and keeps when each record came. */
import { openKafkaLog } from '../../adapters/kafka/log.ts'

export interface Watch {
  /** Milliseconds of `performance.now()`, in the order in which records came. */
  readonly times: readonly number[]
  /** Records a second between two moments. */
  rate(from: number, to: number): number
  /** The first moment after `from` at the end of a stretch of `stretch` ms with at least `perSecond`. */
  until(perSecond: number, from: number, stretch: number): Promise<number>
  stop(): Promise<void>
}

export const watch = async (
  brokers: readonly string[],
  topic: string,
  onRecord: (key: string, at: number) => void = () => {},
): Promise<Watch> => {
  const log = await openKafkaLog({ brokers })
  const times: number[] = []
  const end = new AbortController()
  const reading = (async () => {
    for await (const { key } of log.read(topic, { until: 'forever', signal: end.signal })) {
      const at = performance.now()
      times.push(at)
      onRecord(String(key), at)
    }
  })()
  const rate = (from: number, to: number) => (times.filter((at) => at >= from && at < to).length / (to - from)) * 1000
  return {
    ...{ times, rate },
    async until(perSecond, from, stretch) {
      for (;;) {
        const now = performance.now()
        if (now - stretch >= from && rate(now - stretch, now) >= perSecond) return now
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async stop() {
      end.abort()
      await reading
      await log.close()
    },
  }
}
