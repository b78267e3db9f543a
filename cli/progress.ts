/** Progress on standard error: one line that is rewritten on a terminal, a plain line now and then elsewhere. */
export interface Screen {
  readonly tty: boolean
  readonly write: (text: string) => void
}

export const screen = (stream: NodeJS.WriteStream = process.stderr): Screen => ({
  tty: stream.isTTY === true && process.env.TERM !== 'dumb',
  write: (text) => void stream.write(text),
})

/** Remarks that are worth a line once it is known that what they are about is good. */
export const remarks = ({ write }: Screen) => {
  const held: string[] = []
  return {
    hold: (sentence: string) => void held.push(sentence),
    say: () => held.splice(0).forEach((sentence) => write(`${sentence}\n`)),
  }
}

/** 75 s as `1 min 15 s`. */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '?'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

export const rateOf = (perSecond: number): string =>
  perSecond >= 10
    ? `${perSecond.toFixed(0)}/s`
    : perSecond >= 0.1
      ? `${perSecond.toFixed(1)}/s`
      : `${(perSecond * 60).toFixed(1)}/min`

export interface Progress {
  /** `done` of `total` (where known); `note` stands behind it. */
  update(done: number, total?: number, note?: string): void
  /** Ends the line with what was reached. */
  end(note?: string): void
}

/** For work that is nearly always short: nothing is shown in its first two seconds. */
export const slowly = (what: string, screen: Screen, now: () => number = Date.now): Pick<Progress, 'update'> => {
  const [started, bar] = [now(), progress(what, screen, now)]
  return { update: (done, total, note) => now() - started > 2000 && bar.update(done, total, note) }
}

/** Rate over the whole of this attempt; what an earlier attempt had done does not count as fast work. */
export const progress = (what: string, { tty, write }: Screen, now: () => number = Date.now): Progress => {
  const started = now()
  const every = tty ? 100 : 5000
  let [first, last, shown] = [undefined as number | undefined, '', 0]
  const line = (done: number, total: number | undefined, note: string) => {
    const rate = (done - (first ?? done)) / ((now() - started) / 1000)
    const left = total !== undefined && rate > 0 && done < total ? `, ${duration((total - done) / rate)} left` : ''
    const share = total === undefined ? `${done}` : `${done}/${total}`
    return `${what} ${share}${rate > 0 ? `, ${rateOf(rate)}` : ''}${left}${note === '' ? '' : `  ${note}`}`
  }
  return {
    update(done, total, note = '') {
      first ??= done
      last = line(done, total, note)
      if (now() - shown < every) return
      shown = now()
      write(tty ? `\r\u001b[2K${last}` : `${last}\n`)
    },
    end(note) {
      const text = `${note ?? (last === '' ? what : last)} (${duration((now() - started) / 1000)})`
      write(tty ? `\r\u001b[2K${text}\n` : `${text}\n`)
    },
  }
}
