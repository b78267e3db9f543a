/** Which settings of a server go together: each rule is one sentence about one setting. */
import type { z } from 'zod'

type Group = Readonly<Record<string, unknown>>
type Context = z.core.$RefinementCtx

/** `is` names the setting that the sentence is about. */
const rules = (group: Group, context: Context) => {
  const given = (name: string) => group[name] !== null && group[name] !== undefined && group[name] !== false
  const say = (setting: string, message: string) =>
    context.addIssue({ code: 'custom', path: [setting], message, continue: false })
  return {
    given,
    say,
    needs: (setting: string, other: string, why = '') => {
      if (given(setting) && !given(other)) say(other, `must be given with ${setting}${why}`)
    },
    excludes: (setting: string, other: string) => {
      if (given(setting) && given(other)) say(setting, `must not be given beside ${other}: choose one`)
    },
  }
}

export const checkTls = (tls: Group, context: Context) => {
  const { given, say, needs, excludes } = rules(tls, context)
  const details = ['ca', 'cert', 'key'].filter(given)
  if (!given('on') && details.length > 0) say('on', `must be true with ${details[0]}, or nothing would be encrypted`)
  needs('cert', 'key')
  needs('key', 'cert')
  needs('key_password', 'key')
  needs('key_password_file', 'key')
  excludes('key_password_file', 'key_password')
}

const passwordOf = ({ given, say }: ReturnType<typeof rules>, why: string) => {
  if (!given('password') && !given('password_file')) say('password', `must be given ${why}, itself or as password_file`)
}

export const checkSasl = (sasl: Group, context: Context) => {
  const rule = rules(sasl, context)
  const { given, say, needs, excludes } = rule
  const mechanism = sasl['mechanism']
  const others = Object.keys(sasl).filter((name) => name !== 'mechanism' && given(name))
  if (typeof mechanism !== 'string') {
    if (others.length > 0) say('mechanism', `must be given with ${others[0]}`)
    return
  }
  excludes('password_file', 'password')
  if (mechanism !== 'oauthbearer') {
    const wrong = ['token_file', 'token_url', 'scope'].find(given)
    if (wrong !== undefined) say(wrong, `must not be given with the mechanism ${mechanism}`)
    if (!given('username')) say('username', `must be given with the mechanism ${mechanism}`)
    return passwordOf(rule, `with the mechanism ${mechanism}`)
  }
  excludes('token_file', 'token_url')
  if (!given('token_file') && !given('token_url'))
    say('token_file', 'must be given with the mechanism oauthbearer, or token_url')
  needs('scope', 'token_url')
  needs('token_url', 'username')
  needs('username', 'token_url', ' and the mechanism oauthbearer')
  if (given('token_url')) passwordOf(rule, 'with token_url')
}

export const checkVllm = (vllm: Group, context: Context) => {
  const { given, say, excludes } = rules(vllm, context)
  const urls = vllm['urls'] as readonly string[]
  const { start, max } = vllm['concurrency'] as { start: number; max: number }
  const own = urls.join() !== 'http://127.0.0.1:8000'
  if (given('file') && own) say('file', 'must not be given beside urls: choose one')
  if (given('file') && given('resolve')) say('resolve', 'must not be true beside file: it is about the name in urls')
  if (given('resolve') && urls.length > 1) say('urls', 'must hold one address with resolve: its name stands for all')
  excludes('api_key_file', 'api_key')
  const plain = urls.find((url) => url.startsWith('http:'))
  if (given('ca') && !given('file') && plain !== undefined) say('urls', 'must begin with https:// with ca')
  const above = { path: ['concurrency', 'start'], message: `must not be above vllm.concurrency.max (${max})` }
  if (start > max) context.addIssue({ code: 'custom', ...above, continue: false })
}

/** Indexes that the embedded store has. */
const embedded = ['auto', 'flat', 'hnsw']

export const checkStore = ({ engine, index }: Group, context: Context) => {
  if (engine !== 'embedded' || embedded.includes(String(index))) return
  const message = `must be auto, flat or hnsw where the store is embedded: ${String(index)} needs store.engine: milvus`
  context.addIssue({ code: 'custom', path: ['index'], message, continue: false })
}

export const checkMilvus = (milvus: Group, context: Context) => {
  const { given, say, needs, excludes } = rules(milvus, context)
  if (given('username') && !given('password') && !given('password_file'))
    say('password', 'must be given with username, itself or as password_file')
  needs('password', 'username')
  needs('password_file', 'username')
  excludes('password_file', 'password')
  excludes('token_file', 'token')
  excludes('token', 'username')
  excludes('token_file', 'username')
}

/** What the parts of a configuration demand of each other where a reader measures gains. */
export const checkMeasuring = (
  {
    reader,
    label,
    distil,
  }: {
    readonly reader: { readonly engine: string }
    readonly label: { readonly measure: string; readonly approximate: boolean }
    readonly distil: { readonly measure: string }
  },
  context: Context,
) => {
  const say = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message, continue: false })
  if (label.approximate && reader.engine === 'embedded')
    say(
      ['label', 'approximate'],
      'must be false with the embedded reader, which is always exact; or choose --reader vllm',
    )
  if (label.approximate && label.measure === 'plain')
    say(
      ['label', 'approximate'],
      'must be false where label.measure is plain: the plain measure is exact on any server',
    )
  if (label.measure === 'plain' && distil.measure === 'contrastive')
    say(
      ['distil', 'measure'],
      'must be plain where label.measure is plain: there are no contrastive figures to group by',
    )
}

/** What the settings of the choice demand of each other. */
export const checkSelecting = (select: Group, context: Context) => {
  const { by, model, keep, cascade } = select as Readonly<Record<'by' | 'model', string>> & {
    readonly keep: number
    readonly cascade: { readonly first: string | null; readonly narrow: number }
  }
  const say = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message, continue: false })
  if (by !== 'model' && model !== null) say(['model'], 'must be left out, or select.by must be model')
  if (by !== 'model' && cascade.first !== null)
    say(['cascade', 'first'], 'must be left out, or select.by must be model')
  if (cascade.first === 'follow') say(['cascade', 'first'], 'must be a folder or a sha256: only select.model follows')
  if (cascade.first !== null && cascade.narrow < keep)
    say(['cascade', 'narrow'], `must not be less than select.keep (${keep})`)
}

export const checkRegistry = (registry: Group, context: Context) => {
  const rule = rules(registry, context)
  const { given, say, needs, excludes } = rule
  excludes('password_file', 'password')
  excludes('token_file', 'token')
  for (const token of ['token', 'token_file']) excludes(token, 'username')
  needs('password', 'username')
  needs('password_file', 'username')
  if (given('username')) passwordOf(rule, 'with username')
  if (given('ca') && !String(registry['url']).startsWith('https:')) say('url', 'must begin with https:// with ca')
  if (given('username') && /\/\/[^/]*@/.test(String(registry['url'])))
    say('url', 'must not hold a user beside username')
}
