/**
 * The golds of a query as one tree of tokens: what two golds begin with is evaluated and read once.
 */
export interface Node {
  /** Tokens of the answer before this row. */
  readonly before: readonly number[]
  /** Tokens that some gold goes on with. */
  readonly next: readonly number[]
}

export interface Tree {
  /** Golds in an order in which neighbours share most; each is evaluated after the one before. */
  readonly paths: readonly { readonly tokens: readonly number[]; readonly nodes: readonly Node[] }[]
  /** All nodes; every node is on some path. */
  readonly nodes: readonly Node[]
}

const byTokens = (a: readonly number[], b: readonly number[]): number => {
  const at = a.findIndex((token, i) => token !== b[i])
  if (at < 0) return a.length - b.length
  return a[at]! - (b[at] ?? -1)
}

export const treeOf = (golds: readonly (readonly number[])[]): Tree => {
  const nodes = new Map<string, { before: readonly number[]; next: number[] }>()
  const nodesOf = (tokens: readonly number[]) =>
    tokens.map((token, i) => {
      const before = tokens.slice(0, i)
      const node = nodes.get(before.join(' ')) ?? { before, next: [] }
      nodes.set(before.join(' '), node)
      if (!node.next.includes(token)) node.next.push(token)
      return node
    })
  const paths = golds.toSorted(byTokens).map((tokens) => ({ tokens, nodes: nodesOf(tokens) }))
  return { paths, nodes: [...nodes.values()] }
}
