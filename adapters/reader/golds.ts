/** The golds of a query as one tree of tokens: what two golds begin with is evaluated and read once. */
/** A row that is read: after the prompt and `before`. */
export interface Node {
  /** Tokens of the answer before this row. */
  readonly before: readonly number[]
  /** Tokens that some gold goes on with. */
  readonly next: readonly number[]
}

export interface Path {
  readonly tokens: readonly number[]
  /** One per token: the row that says how likely it is. */
  readonly nodes: readonly Node[]
}

export interface Tree {
  /** Golds in an order in which neighbours share most; each is evaluated after the one before. */
  readonly paths: readonly Path[]
  /** All nodes; every node is on some path. */
  readonly nodes: readonly Node[]
}

const byTokens = (a: readonly number[], b: readonly number[]): number => {
  const at = a.findIndex((token, i) => token !== b[i])
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1)
}

export const treeOf = (golds: readonly (readonly number[])[]): Tree => {
  const nodes = new Map<string, { before: readonly number[]; next: number[] }>()
  const nodeAt = (before: readonly number[], token: number) => {
    const node = nodes.get(before.join(' ')) ?? { before, next: [] }
    nodes.set(before.join(' '), node)
    if (!node.next.includes(token)) node.next.push(token)
    return node
  }
  const pathOf = (tokens: readonly number[]) => ({
    tokens,
    nodes: tokens.map((token, i) => nodeAt(tokens.slice(0, i), token)),
  })
  const paths = golds.toSorted(byTokens).map(pathOf)
  return { paths, nodes: [...nodes.values()] }
}

/** The tree of some of a tree's golds, with the same nodes, so that what is kept per node serves both. */
export const subtree = ({ paths, nodes }: Tree, golds: readonly (readonly number[])[]): Tree => {
  const wanted = new Set(golds.map((gold) => gold.join(' ')))
  const kept = paths.filter(({ tokens }) => wanted.has(tokens.join(' ')))
  const used = new Set(kept.flatMap((path) => path.nodes))
  return { paths: kept, nodes: nodes.filter((node) => used.has(node)) }
}

/** What each node of a gold's path says of the token that follows it. */
export const along = <T>({ paths }: Tree, gold: readonly number[], say: (node: Node, token: number) => T): T[] => {
  const path = paths.find(({ tokens }) => byTokens(tokens, gold) === 0)
  if (!path) throw new RangeError('this gold is not in the tree')
  return gold.map((token, i) => say(path.nodes[i]!, token))
}
