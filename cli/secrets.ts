/** Which settings are secret, and how a configuration is shown without them. */

/** By the last word of its name: a file's path or an address is none. */
const secret = /(?:^|[._])(?:pass(?:word|phrase)?|secret|token|api_key)$/i

/** @param name of a setting, dotted */
export const isSecret = (name: string): boolean => secret.test(name)

/** Groups that hold secrets: whoever writes a secret in place of the whole group must not see it again. */
const groups = /^(?:kafka|registry|vllm|milvus|encoder|kafka\.(?:sasl|tls))$/

/** May what was given under this name be repeated in a message? */
export const isShown = (name: string): boolean =>
  !groups.test(name) && !name.split('.').some((_, at, all) => isSecret(all.slice(0, at + 1).join('.')))

/** An address without the user and the password that may stand in it. */
const withoutUser = (text: string) => text.replace(/\/\/[^/@\s]*@/g, '//***@')

/** What is shown of a secret. */
export const stars = '***'

/** A value of a setting as people and logs may see it. */
export const shown = (value: unknown, name = ''): unknown => {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, shown(each, name === '' ? key : `${name}.${key}`)]),
    )
  if (isSecret(name)) return value === null || value === undefined ? value : stars
  if (Array.isArray(value)) return value.map((each) => shown(each, name))
  return typeof value === 'string' ? withoutUser(value) : value
}
