/** How to reach Milvus: its settings with what they name in files. Secrets stay in memory only. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { MilvusAccess } from '../adapters/milvus/index.ts'
import { Fatal } from '../runtime/errors.ts'
import { certificates, contentOf, textOf } from './access.ts'
import type { Config } from './config.ts'

type Settings = Config['milvus']

const authOf = async ({ username, password, password_file, token, token_file }: Settings) => {
  const kept = (setting: string, file: string, what: string) => contentOf(`milvus.${setting}`, file, what)
  if (username !== null) {
    const read = password_file === null ? password : await kept('password_file', password_file, 'the password')
    return { username, password: read ?? '' }
  }
  const read = token_file === null ? token : await kept('token_file', token_file, 'the token')
  return read === null ? undefined : { token: read }
}

const keyFor = async (cert: string, path: string, of: string): Promise<string> => {
  const key = await textOf('milvus.tls.key', path)
  const wrong = (why: string, cause?: unknown) => new Fatal(`milvus.tls.key: ${path} ${why}`, { cause })
  if (key.includes('ENCRYPTED')) throw wrong('is encrypted: give a key without a password')
  let fits: boolean
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (error) {
    throw wrong('holds no private key in PEM (BEGIN PRIVATE KEY)', error)
  }
  if (!fits) throw wrong(`is not the key of the certificate in milvus.tls.cert (${of})`)
  return key
}

const tlsOf = async ({ on, ca, cert, key, server_name }: Settings['tls']): Promise<MilvusAccess['tls']> => {
  if (!on) return undefined
  const trusted = ca === null ? undefined : await certificates('milvus.tls.ca', ca)
  const named = {
    ...(trusted !== undefined && { ca: trusted }),
    ...(server_name !== null && { serverName: server_name }),
  }
  if (cert === null || key === null) return named
  const own = await certificates('milvus.tls.cert', cert)
  return { ...named, cert: own, key: await keyFor(own, key, cert) }
}

/** @throws Fatal that names the setting whose file cannot be used */
export const milvusAccess = async ({ milvus }: Config): Promise<MilvusAccess> => {
  const { address, database, timeout } = milvus
  const [auth, tls] = [await authOf(milvus), await tlsOf(milvus.tls)]
  return {
    ...{ address, timeout: timeout * 1000 },
    ...(database !== null && { database }),
    ...(auth && { auth }),
    ...(tls && { tls }),
  }
}
