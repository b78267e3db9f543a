import type { Observe } from '../../../runtime/observe.ts'

/** What becomes of a server, as the log and the counters have it. */
export const telling = (key: string, { logger, meter }: Observe) => {
  const about = (reason?: string) => ({ endpoint: key, ...(reason !== undefined && { reason }) })
  const count = (kind: 'joined' | 'lost' | 'refused' | 'drained') =>
    meter.count('gainstream_server_changes_total', 1, { endpoint: key, kind })
  return {
    joined() {
      count('joined')
      logger.info(about(), 'a server joined')
    },
    away: (why: string) => logger.info(about(why), 'a server is away'),
    lost(why: string) {
      count('lost')
      logger.warn(about(why), 'a server was lost')
    },
    refused(why: string) {
      count('refused')
      logger.warn(about(why), 'a server was refused')
    },
    drained() {
      count('drained')
      logger.info(about(), 'a server was drained')
    },
  }
}
