/** One deliberate breakage: `from` stands exactly once in the file. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Which suite must turn red (default: memory). */
  readonly suite?: 'memory' | 'sqlite'
}

type Change = readonly [name: string, from: string, to: string]
const of = (file: string, changes: readonly Change[], suite: 'memory' | 'sqlite' = 'memory'): Mutant[] =>
  changes.map(([name, from, to]) => ({ name, file, from, to, suite }))

const lane = of('runtime/lane.ts', [
  [
    'an unknown outcome is taken for done',
    "if (outcome.kind === 'done') return",
    "if (outcome.kind === 'done' || outcome.kind === 'unknown') return",
  ],
  ['after an unknown outcome the seat is not opened again', 'window.adopt(await open())', ''],
  [
    'totals are read before the seat is opened',
    'const settled = await claim.open(life.signal)\n      await books.load(life.signal)',
    'await books.load(life.signal)\n      const settled = await claim.open(life.signal)',
  ],
  ['totals of a batch that is done are forgotten', '    keep()\n', ''],
  ['totals are not written with the batch', ', ...folded.records]', ']'],
  ['what is settled ahead of the prefix is not noted', '{ topicId, ahead }) }', '{ topicId, ahead: [] }) }'],
  ['no limit of records in work', 'window.working < policy.inFlight', 'window.working < 1e9'],
  ['no limit of bytes', 'window.bytes >= policy.bytes || window.waiting', 'window.waiting'],
  [
    'no limit of the span',
    'if (window.span < policy.span) return false',
    'if (window.span < policy.span * 1e9) return false',
  ],
  ['no alarm at the span limit', "observe.logger.warn(about, 'oldest", "observe.logger.debug(about, 'oldest"],
  ['what is finished is named as unfinished', "oldest && oldest.state !== 'finished'", 'oldest'],
  ['no limit of what waits to be settled', 'window.finished >= 2 * policy.batch.records', 'false'],
  ['an idle lane waits for its interval', '(idle() || left <= 0', '(left <= 0'],
  ['a busy lane settles each record by itself', '(idle() || left <= 0', '(true || idle() || left <= 0'],
  ['a busy lane waits until it is idle', '(idle() || left <= 0', '(idle()'],
  ['draining leaves what is finished', 'if (draining && !toSettle()) return', 'if (draining) return'],
  ['draining waits for the work in hand', "hands.abort(new Error('the lane is draining'))", ''],
  ['a refused batch is not halved', 'batchLimit = Math.ceil(batch.length / 2)', 'batchLimit = batch.length'],
  ['a refused record is tried for ever', 'guilty.result = rejected(guilty.record, failure, options)', ''],
])

const window = of('runtime/window.ts', [
  [
    'the prefix passes what is under way',
    'const position = open?.record.position ?? next',
    'const position = open ? next : next',
  ],
  [
    'what the log has settled ahead is not taken over',
    'const known = new Set(ahead)',
    'const known = new Set<number>([])',
  ],
  ['a completion counts whatever became of its record', "if (entry.state !== 'working') return false", ''],
  ['a settled record keeps its bytes', '    bytes -= entry.bytes\n', ''],
  [
    'what was settled ahead is forgotten at the start',
    'const done = new Set(start.ahead)',
    'const done = new Set<number>([])',
  ],
  [
    'positions without records are not passed',
    'next = Math.max(next, upTo)',
    'next = (records.at(-1)?.position ?? next - 1) + 1',
  ],
  [
    'nothing is settled for positions without records',
    'waiting.length + working + finished.size === 0 && next > base',
    'false',
  ],
])

const source = of('runtime/source.ts', [
  [
    'an unknown outcome is taken for done',
    "if (outcome.kind === 'done') return\n",
    "if (outcome.kind === 'done' || outcome.kind === 'unknown') return\n",
  ],
  [
    'the importer starts from the beginning',
    'let position = (await opened(seat, signal))?.position ?? 0',
    'let position = (await opened(seat, signal), 0)',
  ],
  [
    'the records enter before their position',
    'seat.settle({ records, settled })',
    'seat.settle({ records, settled: { ...settled, position: settled.position - 1 } })',
  ],
])

const rest = [
  ...of('runtime/handle.ts', [
    [
      'a reject leaves no dead letter',
      'records: [{ topic: names.topic(rejects), partition, key, value, headers, timestamp: now() }],',
      'records: [],',
    ],
    ['a dead letter loses its headers', "'reject.reason': failure.reason.slice(0, 2000),", ''],
  ]),
  ...of('runtime/attempts.ts', [
    ['an absent world is a bug', 'if (!(error instanceof Unavailable)) {', 'if (error instanceof Error) {'],
    ['Rejected is tried again', "if (error instanceof Rejected) return failure('rejected')", ''],
  ]),
  ...of('runtime/ledger.ts', [['the totals of the last owner are not read', 'found.set(totals.run, totals)', '']]),
  ...of('runtime/resume.ts', [
    ['a topic made anew is not noticed', 'if (note.topicId !== info.id)', 'if (false)'],
    ['a lost position starts over', 'if (!started) return', 'if (!started || started) return'],
    ['trimmed input is not noticed', 'if (trimmed(settled.position))', 'if (false)'],
    ['a stage that never ran starts at 0', '?? bounds.first, ahead: [] }', '?? 0, ahead: [] }'],
  ]),
  ...of('runtime/stage.ts', [['who stops does not leave', 'await membership.leave()', '']]),
  ...of('runtime/engine.ts', [
    [
      'until empty does not wait for what is settled',
      'while (!signal.aborted && !(await caughtUp(log, each, until)))',
      'while (false)',
    ],
    [
      'every stage takes its end from the start',
      'const until = await ends(log, each.topic)',
      'const until = await ends(log, running[0]!.topic)',
    ],
  ]),
]

const memory = [
  ...of('adapters/memory/seat.ts', [
    ['the epoch is not compared', "if (seat.epoch !== epoch) return { kind: 'fenced' }", ''],
    ['opening does not fence', 'epoch = ++seat.epoch', 'epoch = seat.epoch'],
    ['opening lets a pending settle live', '      seat.pending = undefined\n      epoch', '      epoch'],
    ['who lost a partition may open it', "if (signal.aborted || hooks.entitled() === 'no')", 'if (signal.aborted)'],
    [
      'a refused batch is written',
      "if (refused) return { kind: 'refused', cause: refused }",
      "if (refused) return world.land(seat, batch), { kind: 'refused', cause: refused }",
    ],
    [
      'an outcome that vanished is called done',
      "return unknown('the connection broke before the commit')",
      "return { kind: 'done' } as Outcome",
    ],
  ]),
  ...of('adapters/memory/world.ts', [
    [
      'the position lands before the records',
      'each(batch, (where, records) => where.append(records))',
      'setTimeout(() => each(batch, (where, records) => where.append(records)), 20)',
    ],
    ['the records land without the position', 'seat.settled = batch.settled\n', ''],
    [
      'all groups share their seats',
      'const group = groups.get(key.group) ?? new Map<string, SeatState>()\n      groups.set(key.group, group)',
      "const group = groups.get('') ?? new Map<string, SeatState>()\n      groups.set('', group)",
    ],
    ['a topic made anew keeps its id', 'id: `m${++made}`', 'id: `m${spec.name}`'],
    [
      'positions of a removed group stay',
      'epoch: seat.epoch + 1,',
      'epoch: seat.epoch + 1, pending: undefined }), Object.assign({}, {',
    ],
  ]),
  ...of('adapters/memory/partition.ts', [
    ['a take ignores its bytes', '|| bytes > max.bytes)', ')'],
    ['a take ignores its records', 'taken.length >= max.records ||', ''],
    [
      'describe shows the end as readers see it',
      'bounds: () => ({ first, end })',
      'bounds: () => ({ first, end: seen })',
    ],
    [
      'compaction keeps the oldest',
      '=== position)',
      '=== position || true).filter(({ key }, at, all) => all.findIndex((other) => other.key?.equals(key!)) === at)',
    ],
  ]),
  ...of('adapters/memory/claim.ts', [
    ['a take from what was trimmed goes on', 'if (from >= first && from <= end) return', 'if (from <= end) return'],
    ['a take from a topic that is gone waits', 'world.topics.get(topic)?.id !== kept.id', 'false'],
    [
      'a take does not heed its signal',
      'const stop = AbortSignal.any([signal, lost.signal])',
      'const stop = lost.signal',
    ],
  ]),
  ...of('adapters/memory/group.ts', [
    [
      'every member gets every partition',
      'if (member) grant(member, partition)',
      'for (const each of present) grant(each, partition)',
    ],
    [
      'who leaves keeps the claims',
      'for (const member of leaving) if (member.process.alive()) revoke(member, () => false)',
      '',
    ],
    ['one member gets everything', 'present[(partition + shift) % present.length]', 'present[0]'],
  ]),
  ...of('adapters/memory/memory.ts', [
    ['the dead keep their partitions', '() => groups.all().forEach((each) => each.bury(gone))', '() => {}'],
  ]),
  ...of('adapters/memory/read.ts', [
    ['a read goes on beyond its end', 'position < cursor.end && !signal.aborted', '!signal.aborted'],
    ['a read starts from the beginning', 'Math.max(from[p] ?? 0, where.bounds().first)', 'where.bounds().first'],
  ]),
]

const sqlite = [
  ...of(
    'adapters/sqlite/seats.ts',
    [
      ['the epoch is not compared', 'epochOf(db, place) !== mine ||', ''],
      ['opening does not fence', 'SET epoch = epoch + 1 ${where}', 'SET epoch = epoch ${where}'],
      ['the position is not written', '        store(db, place, batch.settled)\n', ''],
    ],
    'sqlite',
  ),
  ...of(
    'adapters/sqlite/claim.ts',
    [['a take from what was deleted goes on', '  if (from < first)\n', '  if (from < 0)\n']],
    'sqlite',
  ),
  ...of(
    'adapters/sqlite/records.ts',
    [['a take ignores its bytes', 'if (last && bytes > max.bytes)', 'if (last && bytes < 0)']],
    'sqlite',
  ),
]

export const mutants: readonly Mutant[] = [...lane, ...window, ...source, ...rest, ...memory, ...sqlite]
