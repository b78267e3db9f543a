import { spawn } from 'node:child_process'

const MARK = 'GAINSTREAM_HANDED_OVER'
const handedOver = process.env[MARK] === '1'
// Only for this process: what it starts is not handed over.
delete process.env[MARK]

/** Did a start that has already set everything up hand over to this process? */
export const wasHandedOver = () => handedOver

/** A process that was handed over to ends when its launcher is gone, even by SIGKILL: to the user they are one. */
export const endWithLauncher = () => {
  if (!handedOver || !process.channel) return
  process.on('disconnect', () => process.exit(137))
  process.channel.unref()
}

/** A terminal sends Ctrl-C to every process in front of it; to forward it would make two of one. */
const terminalInterrupts = () => process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY

/**
 * Runs a script on another Node as if it were this process: arguments, streams and signals go there, and this process
 * ends as that one did. Never returns to the caller.
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<never>}
 */
export const handOver = (node, args) => {
  const child = spawn(node, [...process.execArgv, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  })
  process.on('SIGINT', () => terminalInterrupts() || child.kill('SIGINT'))
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  return new Promise((_, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (!signal) process.exit(code ?? 1)
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    })
  })
}
