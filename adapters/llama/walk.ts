/** A prompt with the tree of its golds on one slot. */
import type { Node, Tree } from '../reader/golds.ts'
import type { Slot } from './slots.ts'

/** Evaluates a prompt with every gold after it and reads each node once. Returns how many tokens were evaluated. */
export const walk = async (
  slot: Slot,
  prompt: readonly number[],
  { paths, nodes }: Tree,
  read: (node: Node, row: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> => {
  const unread = new Set(nodes)
  let evaluated = 0
  for (const path of paths) {
    const wants = path.nodes
      .filter((node) => unread.delete(node))
      .map((node) => ({
        position: prompt.length - 1 + node.before.length,
        order: nodes.indexOf(node),
        read: (row: number) => read(node, row),
      }))
    if (wants.length > 0) evaluated += await slot.evaluate([...prompt, ...path.tokens.slice(0, -1)], wants, signal)
  }
  return evaluated
}
