/** Where the files of a folder are read from: a disk, or a web server. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { Fatal, sentence, Unavailable } from '../runtime/errors.ts'
import { trouble } from './files/trouble.ts'

export interface Source {
  /** A file's place, for people. */
  where(name: string): string
  /** @throws Fatal or Unavailable with the sentence */
  open(name: string, signal: AbortSignal): Promise<Readable>
  /** What went wrong while a file was read. */
  failure(name: string, error: unknown): unknown
}

/** The address of a folder of this machine. */
export const uriOf = (folder: string): string => pathToFileURL(resolve(folder)).href

const scheme = /^([a-z][a-z0-9+.-]*):/i

/** Does a text begin as an address does? */
export const isUri = (text: string): boolean => scheme.test(text)

/** An address for people: what may be a secret in it is left out. */
const shown = (uri: string): string => uri.replace(/\/\/.*@/, '//…@').replace(/[?#].*$/s, '…')

const onDisk = (uri: string): Source => {
  const folder = pathIn(uri)
  const where = (name: string) => `${folder}/${name}`
  return {
    where,
    open: (name) => Promise.resolve(createReadStream(where(name))),
    failure: (name, error) => trouble(where(name), error),
  }
}

const pathIn = (uri: string): string => {
  try {
    return fileURLToPath(uri)
  } catch (error) {
    throw new Fatal(`${shown(uri)} names no folder of this machine: write it as file:///path`, { cause: error })
  }
}

const isLoopback = ({ hostname }: URL) =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)

const isAllowed = (url: URL) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))

/** Addresses are written where everybody may read them. */
const checkedUrl = (uri: string): URL => {
  if (!URL.canParse(uri)) throw new Fatal(`${shown(uri)} is no address: write it as https://host/folder`)
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new Fatal(
      `an address at ${url.host} holds a user, a ? or a #, and everybody could read it there: ` +
        'give one that needs no secret, or a folder that every worker sees',
    )
  if (!isAllowed(url)) throw new Fatal(`${uri} is not encrypted: serve the folder under https://`)
  return url
}

const told = (response: Response, url: string) => {
  const { status } = response
  const isPassing = status >= 500 || status === 429 || status === 408
  const message = `${url} answers with status ${status}`
  if (isPassing) return new Unavailable(message, { endpoint: new URL(url).host })
  return new Fatal(`${message}: check the address, and that it may be read without a password`)
}

const onWeb = (uri: string): Source => {
  const url = checkedUrl(uri)
  const where = (name: string) => `${url.href.replace(/\/+$/, '')}/${name}`
  const away = (name: string, error: unknown) => {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return new Unavailable(`${where(name)} cannot be read (${sentence(cause)})`, { endpoint: url.host, cause: error })
  }
  return {
    where,
    async open(name, signal) {
      const response = await fetch(where(name), { signal }).catch((error: unknown) => {
        signal.throwIfAborted()
        throw away(name, error)
      })
      if (!response.ok || !response.body) throw told(response, where(name))
      if (!isAllowed(new URL(response.url)))
        throw new Fatal(`${where(name)} leads to an address that is not encrypted: serve the folder under https://`)
      return Readable.fromWeb(response.body)
    },
    failure: away,
  }
}

const sources: Readonly<Record<string, (uri: string) => Source>> = { file: onDisk, https: onWeb, http: onWeb }

/** @throws Fatal for an address of which nothing can be read, with what to do instead */
export const sourceOf = (uri: string): Source => {
  const kind = scheme.exec(uri)?.[1]?.toLowerCase() ?? ''
  const open = Object.hasOwn(sources, kind) ? sources[kind] : undefined
  if (open) return open(uri)
  const instead = 'mount it as a folder that every worker sees, or let it be served under https://'
  throw new Fatal(
    `${shown(uri)}: nothing is read from ${kind === '' ? 'there' : `${kind}:`} by this program; ${instead}`,
  )
}
