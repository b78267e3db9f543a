import type { Join, Membership } from '../../runtime/log.ts'
import { claimOf, type HeldClaim } from './claim.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

interface Member {
  readonly process: Process
  readonly request: Join
  claims: HeldClaim[]
  /** It does not notice what happens: it gets nothing, and keeps believing in what it had. */
  asleep: 'expelled' | 'frozen' | undefined
}

export interface Group {
  join(process: Process, request: Join): Membership
  /** Every claim is revoked, and given out anew. */
  rebalance(): void
  /** The members of this process have stopped answering. */
  bury(process: Process): void
  /** Stops (or goes on) noticing anything, for the members of this process. */
  sleep(process: Process, asleep: boolean): void
}

/** The members of one group on one topic, and who of them holds which partition. */
export const group = (world: World, topic: string): Group => {
  const { random, strikes, now } = world.mischief
  let members: Member[] = []
  let generation = 0
  let lastStorm = 0

  const awake = () => members.filter(({ asleep, process }) => !asleep && process.alive())
  const partitions = () => world.topics.get(topic)?.partitions.length ?? 0

  const revoke = (member: Member, keep: (claim: HeldClaim) => boolean) => {
    const gone = member.claims.filter((claim) => !keep(claim))
    member.claims = member.claims.filter(keep)
    for (const claim of gone) claim.abort()
  }
  const notice = (member: Member, old: readonly HeldClaim[]) => {
    if (member.asleep !== 'expelled') return
    member.asleep = undefined
    revoke(member, (claim) => !old.includes(claim))
    if (members.includes(member)) rebalance()
  }
  /** It goes on as if nothing had happened, until it is told, or tries to open. */
  const fallAsleep = (member: Member) => {
    member.asleep = 'expelled'
    const old = member.claims
    // Not for ever: the last member of a group would leave its partitions to nobody.
    const delay = random.next() < 0.3 ? random.between(600, 1200) : random.between(10, 120)
    member.process.later(delay, () => notice(member, old))
  }
  /** A holder proves its membership before it opens: what it believes about its claim does not count. */
  const entitled = (member: Member, claim: HeldClaim) => {
    if (member.asleep === 'expelled') notice(member, member.claims)
    if (member.asleep) return 'unsure'
    return member.claims.includes(claim) ? 'yes' : 'no'
  }
  const grant = (member: Member, partition: number) => {
    const claim = claimOf(world, member.process, member.request, partition, {
      entitled: () => entitled(member, claim),
      storm,
    })
    member.claims.push(claim)
    member.request.onClaim(claim.claim)
  }
  const storm = () => {
    if (now() - lastStorm < 40 || !strikes('rebalances')) return
    lastStorm = now()
    rebalance()
  }
  const assign = () => {
    const present = awake()
    const shift = strikes('rebalances') ? random.between(0, 7) : 0
    for (let partition = 0; partition < partitions() && present.length > 0; partition++) {
      const member = present[(partition + shift) % present.length]
      if (member) grant(member, partition)
    }
  }
  const rebalance = () => {
    const mine = ++generation
    for (const member of awake()) {
      if (member.claims.length > 0 && strikes('zombies')) fallAsleep(member)
      else revoke(member, () => false)
    }
    setTimeout(() => mine === generation && assign(), random.between(0, 3))
  }
  const drop = (gone: (member: Member) => boolean) => {
    const leaving = members.filter(gone)
    members = members.filter((member) => !gone(member))
    for (const member of leaving) if (member.process.alive()) revoke(member, () => false)
    if (leaving.length > 0) rebalance()
  }

  return {
    rebalance,
    join(process, request) {
      const member: Member = { process, request, claims: [], asleep: undefined }
      members.push(member)
      rebalance()
      return {
        async leave() {
          await process.wait(0)
          drop((other) => other === member)
        },
      }
    },
    bury: (process) => drop((member) => member.process === process),
    sleep(process, asleep) {
      for (const member of members.filter((other) => other.process === process)) {
        member.asleep = asleep ? 'frozen' : undefined
        if (!asleep) revoke(member, () => false)
      }
      rebalance()
    },
  }
}
