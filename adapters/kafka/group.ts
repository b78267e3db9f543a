/** A member's talk with its group's coordinator: join, share out, give signs of life, leave. */
import { assigned } from './assign.ts'
import { connectedTo, type Client } from './client.ts'
import { MemberAssignment, MemberMetadata, type Broker, type Cluster } from './vendor.ts'

export interface GroupTalk {
  /** Joins the next generation, and says which partitions are this member's in it. */
  join(held: readonly number[]): Promise<number[]>
  /** @throws with the coordinator's code when the generation is over or the member is no longer known */
  beat(): Promise<void>
  leave(): Promise<void>
  /** The coordinator threw this member out: it joins as a new one. */
  forget(): void
  close(): void
}

const protocol = 'gainstream-sticky'

export const groupTalk = (client: Client, groupId: string, topic: string, partitions: number): GroupTalk => {
  const { session } = client.settings
  const cluster: Cluster = client.borrow() // its own: a join waits at the broker until all others have come
  let coordinator: Broker | undefined
  let memberId = ''
  let generationId = -1

  const asked = async <T>(work: (coordinator: Broker) => Promise<T>): Promise<T> => {
    try {
      if (!coordinator) await connectedTo(cluster)
      return await work((coordinator ??= await cluster.findGroupCoordinator({ groupId })))
    } catch (error) {
      coordinator = undefined
      throw error
    }
  }

  /** What a member says of itself when it joins is what it holds: the leader moves no more than it must. */
  const metadata = (held: readonly number[]) =>
    MemberMetadata.encode({ version: 1, topics: [topic], userData: Buffer.from(JSON.stringify(held)) })
  const shared = (members: readonly { memberId: string; memberMetadata: Buffer }[]) => {
    const standings = members.map((each) => ({
      member: each.memberId,
      held: JSON.parse(MemberMetadata.decode(each.memberMetadata).userData.toString()) as number[],
    }))
    return [...assigned(standings, partitions)].map(([member, mine]) => ({
      memberId: member,
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [topic]: mine } }),
    }))
  }

  return {
    join: (held) =>
      asked(async (broker) => {
        const groupProtocols = [{ name: protocol, metadata: metadata(held) }]
        const timeouts = { sessionTimeout: session, rebalanceTimeout: session }
        const joined = await broker.joinGroup({ groupId, memberId, groupProtocols, ...timeouts })
        ;({ memberId, generationId } = joined)
        const groupAssignment = joined.leaderId === memberId ? shared(joined.members) : []
        const { memberAssignment } = await broker.syncGroup({ groupId, generationId, memberId, groupAssignment })
        return MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []
      }),
    async beat() {
      await asked((broker) => broker.heartbeat({ groupId, groupGenerationId: generationId, memberId }))
    },
    async leave() {
      if (memberId === '') return
      // On the shared connection: on its own a join may still be waiting.
      await client.once(`leaving ${groupId}`, async (shared) => {
        const broker = await shared.findGroupCoordinator({ groupId })
        await broker.leaveGroup({ groupId, memberId })
      })
      memberId = ''
    },
    forget() {
      memberId = ''
    },
    close: () => client.giveBack(cluster, false),
  }
}
