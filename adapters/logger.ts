import { pino } from 'pino'
import type { Fields, Logger } from '../runtime/observe.ts'

/** JSON lines on standard error. Nothing that a setting holds is logged, so no secret can be. */
export const jsonLogger = (level: string): Logger => {
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  }
}

const levels = ['debug', 'info', 'warn', 'error'] as const

/** The same for a terminal: one short line each. */
export const terminalLogger = (level: string, write: (line: string) => void): Logger => {
  const at = levels.indexOf(level as (typeof levels)[number])
  const say = (name: (typeof levels)[number]) => (fields: Fields, message: string) => {
    if (levels.indexOf(name) < at) return
    const details = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`)
    write(`${name}: ${message} (${details.join(', ')})`)
  }
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
}
