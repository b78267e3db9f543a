/** Certificates made for a test, and signed tokens: what a company's own authority would hand out. */
import { spawnSync } from 'node:child_process'
import { createSign, generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const openssl = (folder: string, args: readonly string[]) => {
  const { status, stderr, error } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${error?.message ?? stderr}`)
}

export interface Certificate {
  /** Files of the certificate and of its key. */
  readonly files: { readonly cert: string; readonly key: string }
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** @param alternatives as OpenSSL writes them, e.g. `IP:127.0.0.1` or `DNS:localhost` */
  issue(name: string, alternatives: string): Certificate
}

const certificate = (folder: string, name: string, more: readonly string[]): Certificate => {
  const [cert, key] = [`${name}.crt`, `${name}.key`]
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert]
  openssl(folder, ['req', '-x509', ...made, '-subj', `/CN=${name}`, '-days', '2', ...more])
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  return { files: { cert: join(folder, cert), key: join(folder, key) }, cert: read(cert), key: read(key) }
}

export const authority = (folder: string, name: string): Authority => ({
  ...certificate(folder, name, ['-addext', 'basicConstraints=critical,CA:TRUE']),
  issue: (whom, alternatives) =>
    certificate(folder, whom, [
      ...['-CA', `${name}.crt`, '-CAkey', `${name}.key`, '-addext', `subjectAltName=${alternatives}`],
      ...['-addext', 'basicConstraints=CA:FALSE'],
    ]),
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

export interface Tokens {
  /** File with the public key, as a broker wants it. */
  readonly keys: string
  /** A signed JSON web token that ends so many seconds from now. */
  token(subject: string, seconds: number): string
}

export const issuer = 'https://tokens.test'
export const audience = 'kafka'

export const tokens = (folder: string): Tokens => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = join(folder, 'keys.json')
  const about = { kid: 'one', alg: 'RS256' }
  writeFileSync(keys, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), ...about, use: 'sig' }] }))
  return {
    keys,
    token(sub, seconds) {
      const now = Math.floor(Date.now() / 1000)
      const claims = { sub, iss: issuer, aud: audience, scope: 'stream', iat: now, exp: now + seconds }
      const signed = `${part({ ...about, typ: 'JWT' })}.${part(claims)}`
      return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`
    },
  }
}
