/** Addresses of servers: out of a list, a name or a file, and how they change while somebody follows them. */
import { lookup as ask } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/observe.ts'
import { pause } from '../../runtime/wait.ts'
import type { Address, Source, Times } from './members.ts'

export interface Following {
  readonly times: Pick<Times, 'dns' | 'file'>
  readonly logger: Logger
  /** Every address of a name (default: as this machine resolves names). */
  readonly lookup?: ((name: string) => Promise<readonly string[]>) | undefined
}

export interface Followed {
  /** What is wrong with the source now, in a sentence. */
  readonly trouble: string | undefined
}

type Look = () => Promise<readonly Address[] | undefined>

const example = 'write it like http://host:8000'
/** What stands before `@` may be a password. */
const shown = (text: string) => JSON.stringify(text.replace(/.*@/s, '…@'))

/** `host:port` and the path without `/v1`, as the OpenAI clients have it. */
const baseOf = ({ protocol, host, pathname }: URL) => {
  const path = pathname.replace(/\/+$/, '').replace(/\/v1$/, '')
  return { key: `${host}${path}`, url: `${protocol}//${host}${path}` }
}

/** The one server that a base URL names. @throws Fatal that says what is wrong with it, and no password. */
export const addressOf = (text: string): Address => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new Fatal(`${shown(text)} is not the URL of a server: ${example}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new Fatal(`${shown(text)} holds a user or a password: ${example} and give the key as a setting`)
  }
  if (url.search !== '' || url.hash !== '') {
    throw new Fatal(`the URL of the server ${url.host} goes on after "?" or "#": ${example}`)
  }
  return baseOf(url)
}

const distinct = (addresses: readonly Address[]) => [...new Map(addresses.map((each) => [each.key, each])).values()]

const everyAddress = async (name: string) => (await ask(name, { all: true })).map(({ address }) => address)

const resolving = (text: string, lookup: (name: string) => Promise<readonly string[]>): Look => {
  const { url } = addressOf(text)
  const { hostname, port, protocol, pathname } = new URL(url)
  const tail = `:${port || (protocol === 'https:' ? 443 : 80)}${pathname.replace(/\/$/, '')}`
  return async () => {
    const found = await lookup(hostname.replace(/^\[|\]$/g, '')).catch((error: unknown) => {
      throw new Error(`the name ${hostname} has no address: ${sentence(error)}`, { cause: error })
    })
    if (found.length === 0) throw new Error(`the name ${hostname} has no address`)
    return distinct([...found].sort().map((at) => ({ key: `${isIPv6(at) ? `[${at}]` : at}${tail}`, url, at })))
  }
}

const linesOf = (path: string, text: string) => {
  const bad: string[] = []
  const addresses = text.split('\n').flatMap((line, at) => {
    const url = line
      .trim()
      .replace(/(^|\s)#.*$/, '')
      .trimEnd()
    try {
      return url === '' ? [] : [addressOf(url)]
    } catch (error) {
      bad.push(`${path}:${at + 1}: ${sentence(error)}`)
      return []
    }
  })
  return { addresses: distinct(addresses), bad }
}

/** @throws Error with the sentence why there is no list in it. */
const parsed = (path: string, text: string, logger: Logger): readonly Address[] => {
  const { addresses, bad } = linesOf(path, text)
  if (addresses.length === 0) {
    throw new Error(bad.join('; ') || `the list of servers ${path} names no server: write one URL a line`)
  }
  for (const line of bad) logger.warn({ file: path }, line)
  return addresses
}

/**
 * A text that is new counts when it is found unchanged at the next look: nobody can tell a file that is half written
 * from one that is whole.
 */
const reading = (path: string, logger: Logger): Look => {
  let [taken, seen] = ['', '']
  let first = true
  return async () => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new Error(`the list of servers ${path} cannot be read: ${sentence(error)}`, { cause: error })
    })
    const settled = first || text === seen
    seen = text
    if (!settled || (!first && text === taken)) return undefined
    const addresses = parsed(path, text, logger)
    taken = text
    first = false
    return addresses
  }
}

/** While a look fails, what was found last stays in force; the same sentence is said once. */
const repeating = (look: Look, every: () => number, logger: Logger, take: (addresses: readonly Address[]) => void) => {
  let trouble: string | undefined
  const once = async () => {
    try {
      const found = await look()
      if (found) take(found)
      trouble = undefined
    } catch (error) {
      const why = sentence(error)
      if (why !== trouble) logger.warn({ reason: why }, 'the list of servers stays as it was')
      trouble = why
    }
  }
  const go = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      await pause(every(), signal)
      if (!signal.aborted) await once()
    }
  }
  const followed: Followed = {
    get trouble() {
      return trouble
    },
  }
  return { once, go, followed }
}

/**
 * Hands over the addresses that the source names now, and again whenever it may name others, until the signal aborts.
 *
 * @throws Fatal, at first: a list or file that names nothing to call. A name without address is waited for.
 */
export const follow = async (
  source: Source,
  { times, logger, lookup = everyAddress }: Following,
  take: (addresses: readonly Address[]) => void,
  signal: AbortSignal,
): Promise<Followed> => {
  if (source.kind === 'list') {
    if (source.urls.length === 0) throw new Fatal(`there is no server in the list of servers: ${example}`)
    take(distinct(source.urls.map(addressOf)))
    return { trouble: undefined }
  }
  if (source.kind === 'file') {
    const look = reading(source.path, logger)
    const found = await look().catch((error: unknown) => {
      throw new Fatal(sentence(error), { cause: error })
    })
    take(found ?? [])
    const { go, followed } = repeating(look, () => times.file, logger, take)
    void go(signal)
    return followed
  }
  let known = false
  const noted = (addresses: readonly Address[]) => {
    known = true
    take(addresses)
  }
  const look = resolving(source.url, lookup)
  const { once, go, followed } = repeating(look, () => (known ? times.dns : Math.min(times.dns, 1000)), logger, noted)
  await once()
  void go(signal)
  return followed
}
