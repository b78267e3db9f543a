/**
 * Who gets which server, decided without waiting: `seating` is told of guests that come and leave and of places that
 * change, and starts guests.
 *
 * - S1 An ordinary guest waits only while no place that is ready, and not held for another, has room.
 * - S2 Ordinary guests that wait are started in the order in which they came.
 * - S3 A place that is held for a guest alone starts nobody else, from before that guest until it is empty again.
 * - S4 Guests alone hold at most half of the ready places, and one at least.
 */

/** A server as seen from here. */
export interface Place {
  readonly key: string
  readonly ready: boolean
  readonly inFlight: number
  /** Ready, and one more ordinary guest may start. */
  readonly room: boolean
}

export interface Guest<P extends Place> {
  /** What its place is chosen by. */
  readonly key: string
  /** Keys of places that come last. */
  readonly avoid: readonly string[]
  readonly alone: boolean
  start(place: P): void
}

export interface Seating<P extends Place> {
  /** Starts it now, or as soon as there is a place. */
  enter(guest: Guest<P>): void
  /** A guest that has not been started wants nothing any more. */
  leave(guest: Guest<P>): void
  /** To be called whenever anything of a place is another: it came, went, got a guest's room back. */
  changed(place: P): void
  readonly waiting: number
}

/** FNV-1a over UTF-16 units, 32 bits. */
const hash = (text: string) => {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value
}

/** MurmurHash3's last step: every bit of the input moves every bit of the output. */
const mixed = (value: number) => {
  let bits = value
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/** Rendezvous hashing: how much a key wants a server; when one goes, only the keys that had it move. */
export const affinity = (key: string, server: string): number => mixed(mixed(hash(key)) ^ hash(server))

/** The place with the least rank; of equals the one that the key wants most. */
const best = <P extends Place>(
  places: Iterable<P>,
  key: string,
  rankOf: (place: P) => number | undefined,
): P | undefined => {
  let found: { place: P; rank: number; wanted: number } | undefined
  for (const place of places) {
    const rank = rankOf(place)
    if (rank === undefined) continue
    const wanted = affinity(key, place.key)
    if (!found || rank < found.rank || (rank === found.rank && wanted > found.wanted)) found = { place, rank, wanted }
  }
  return found?.place
}

export const seating = <P extends Place>(places: () => Iterable<P>): Seating<P> => {
  const ordinary = new Set<Guest<P>>() // a set keeps the order in which they came, and loses one from its middle at once
  const suspects = new Set<Guest<P>>() // alone, and without a place
  const held = new Map<P, { readonly guest: Guest<P>; started: boolean }>()

  const begin = (place: P, hold: { guest: Guest<P>; started: boolean }) => {
    hold.started = true
    hold.guest.start(place)
  }

  /** S4. One that is empty is better than one to wait for, and both better than where this work was lost before. */
  const hold = () => {
    if (suspects.size === 0) return
    const ready = [...places()].filter((place) => place.ready)
    let left = Math.max(1, Math.floor(ready.length / 2)) - held.size
    for (const guest of suspects) {
      if (left-- <= 0) return
      const rankOf = (place: P) =>
        held.has(place) ? undefined : (guest.avoid.includes(place.key) ? 2 : 0) + (place.inFlight > 0 ? 1 : 0)
      const place = best(ready, guest.key, rankOf)
      if (!place) return
      suspects.delete(guest)
      const mine = { guest, started: false }
      held.set(place, mine)
      if (place.inFlight === 0) begin(place, mine)
    }
  }

  /** S3 ends: its guest has gone, or its place has before it could begin. */
  const release = (place: P) => {
    const mine = held.get(place)
    if (!mine || (mine.started ? place.inFlight > 0 : place.ready)) return
    held.delete(place)
    if (!mine.started) suspects.add(mine.guest)
  }

  const changed = (place: P) => {
    release(place)
    hold()
    const mine = held.get(place)
    if (mine && !mine.started && place.inFlight === 0) begin(place, mine)
    for (const guest of ordinary) {
      if (held.has(place) || !place.room) return
      ordinary.delete(guest)
      guest.start(place)
    }
  }

  return {
    get waiting() {
      return ordinary.size + suspects.size + [...held.values()].filter(({ started }) => !started).length
    },
    enter(guest) {
      if (guest.alone) {
        suspects.add(guest)
        return hold()
      }
      const rankOf = (place: P) =>
        held.has(place) || !place.room ? undefined : guest.avoid.includes(place.key) ? 1 : 0
      const place = best(places(), guest.key, rankOf)
      if (place) guest.start(place)
      else ordinary.add(guest)
    },
    leave(guest) {
      ordinary.delete(guest)
      suspects.delete(guest)
      const [place] = [...held].find(([, mine]) => mine.guest === guest && !mine.started) ?? []
      if (!place) return
      held.delete(place)
      changed(place)
    },
    changed,
  }
}
