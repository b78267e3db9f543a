/** Settings that name servers. */
import { z } from 'zod'

/** A list, or one text with commas: so that it can be given by flag and by environment. */
export const split = (given: unknown) =>
  typeof given === 'string' ? given.split(',').map((each) => each.trim()) : given

/** What is wrong with the address of a server, as the end of a sentence about the setting. */
const wrongWith = (given: string, usual: string, key: string): string | undefined => {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    return `must hold addresses that begin with http:// or https://, e.g. ${usual}`
  if (url.username !== '' || url.password !== '') return `must hold no user: give ${key}`
  if (url.search !== '' || url.hash !== '') return `must hold addresses without ? and #, e.g. ${usual}`
  return undefined
}

/** As people write it, with or without `/v1`, to the address that requests are made under. */
export const baseUrl = (given: string): string => new URL(given).href.replace(/\/+$/, '').replace(/\/v1$/, '')

/**
 * Addresses of servers over HTTP, each once.
 * @param usual the default
 * @param key the setting that is there for what people put into an address
 */
export const addresses = (usual: string, key: string) =>
  z
    .preprocess(split, z.array(z.string()).min(1))
    .superRefine((given, context) => {
      const wrong = given.flatMap((url) => wrongWith(url, usual, key) ?? [])[0]
      if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong, continue: false })
    })
    .transform((given) => [...new Set(given.map(baseUrl))])
    .default([usual])
