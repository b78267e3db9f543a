/**
 * A corpus is indexed again and again, each time into a collection of its own beside the current one, by three processes
 * that are killed, into a Milvus that is killed, while somebody searches. At the end of each round the collection must
 * hold exactly the corpus, and searches must have gone on.
 *
 *     node test/faults/indexing/run.ts [--data FOLDER] [--rounds 5] [--kills 6] [--limit N] [--json]
 *
 * Vectors are simulated (they follow from the text alone), so that the store is what is waited for. Ends with 1 when
 * anything was lost, doubled or wrong.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePorts, milvusPackages, startMilvus } from '../../../adapters/stack/index.ts'
import { corpus as readCorpus, dataFolder, missing } from '../../../bench/data.ts'
import { openStores } from '../../../cli/collections.ts'
import { home, readConfig } from '../../../cli/config.ts'
import { openEncoder } from '../../../cli/encoders.ts'
import { passageText } from '../../../method/prompt.ts'
import { pause } from '../../../runtime/wait.ts'
import { endAll, start, type Running } from '../../crash/tool.ts'
import { serving } from '../../adapters/embeddings/serving.ts'
import { differences } from './content.ts'
import { searching } from './search.ts'
import { simulatedEncoder } from './vectors.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: dataFolder() },
    rounds: { type: 'string', default: '5' },
    kills: { type: 'string', default: '6' },
    limit: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
/** With the seconds since the start, so that what happened can be laid beside it. */
const say = (line: string) =>
  void (line !== '' && process.stderr.write(`${(performance.now() / 1000).toFixed(0)} s ${line}\n`))

const main = async (folder: string) => {
  const passages = (await readCorpus()).slice(0, Number(values.limit ?? Infinity))
  const file = join(folder, 'corpus.jsonl')
  writeFileSync(file, passages.map((passage) => `${JSON.stringify(passage)}\n`).join(''))
  const [port] = (await freePorts(1)) as [number]
  const place = { folder: join(folder, 'milvus'), packages: await milvusPackages(home(process.env)), port }
  const milvus = await startMilvus(place)
  const encoder = await serving({ embedder: simulatedEncoder, models: ['simulated'] })
  const set = [
    ...[`data=${join(folder, 'data')}`, 'store.engine=milvus', `milvus.address=${milvus.address}`, 'milvus.timeout=30'],
    ...['encoder.engine=server', `encoder.urls=${encoder.url}`],
  ]
  const flags = set.flatMap((setting) => ['--set', setting])
  const config = readConfig({ file: undefined, env: {}, set, flags: {} })
  const embedder = await openEncoder(config, { home: home(process.env), onProgress: () => {}, logger: { debug() {}, info() {}, warn() {}, error() {} } }) // prettier-ignore
  const stores = await openStores(config, embedder.identity)
  const never = new AbortController().signal

  /** The command that indexes, and two workers beside it; who is killed is started again. */
  const round = async (number: number) => {
    const run = `round-${number}`
    const indexing = () => start(['index', file, '--run', run, '--anew', '--json', ...flags])
    const worker = () => start(['start', '--only', 'index', ...flags])
    let command = indexing()
    const workers: Running[] = [worker(), worker()]
    const questions = passages.slice(0, 200).map((each) => ({ id: each.id, text: passageText(each) }))
    const searcher = number > 1 ? searching(stores, questions) : undefined
    const count = async () => {
      const name = `gainstream_passages__${run.replace('-', '_')}`
      const found = (await stores.collections.list(never)).find((one) => one.name.startsWith(name))
      return found ? stores.collections.count(found.name, never) : 0
    }
    const began = performance.now()
    const strikes = Number(values.kills)
    for (let kill = 0; kill < strikes; kill++) {
      const from = ((kill + 0.5) / strikes) * passages.length
      while ((await count().catch(() => 0)) < from) await pause(50)
      const victim = kill % 3
      if (victim === 0) {
        milvus.kill('SIGKILL')
        while (milvus.pid !== undefined) await pause(20)
        await milvus.start()
      } else if (victim === 1) {
        workers[0]!.send('SIGKILL')
        workers[0] = worker()
      } else {
        command.send('SIGKILL')
        await command.ended
        command = indexing()
      }
      say(`${run}: killed ${['Milvus', 'a worker', 'the command'][victim]} at about ${Math.round(from)} passages`)
    }
    const ended = await command.ended
    for (const one of workers) one.send('SIGTERM')
    await Promise.all(workers.map((one) => one.ended))
    const seconds = (performance.now() - began) / 1000
    await pause(1_500) // searches look for another collection once a second
    const searched = await searcher?.end()
    const current = await stores.collections.find(undefined, never)
    const name =
      (await stores.collections.list(never)).findLast((one) => one.name.includes(`__round_${number}_`))?.name ?? ''
    const none = { collection: name, stored: await stores.collections.count(name, never), rejected: 0 }
    const said = ended.code === 0 ? (JSON.parse(ended.out) as typeof none) : none
    const wrong = [
      ...(ended.code === 0 ? [] : [`index ended with ${ended.code}: ${ended.err.slice(-500)}`]),
      ...(await differences(milvus.address, said.collection, passages)),
      ...(searched?.wrong ?? []),
      ...(said.rejected > 0 ? [`${said.rejected} rejects`] : []),
      ...(current?.name === said.collection ? [] : [`${current?.name} is current, not ${said.collection}`]),
    ]
    const figures = { run, seconds, kills: strikes, stored: said.stored, rejected: said.rejected, searched, wrong }
    say(values.json ? '' : JSON.stringify({ ...figures, wrong: wrong.slice(0, 5) }))
    return figures
  }

  const rounds = []
  for (let number = 1; number <= Number(values.rounds); number++) rounds.push(await round(number))
  const wrong = rounds.reduce((sum, one) => sum + one.wrong.length, 0)
  console.log(
    JSON.stringify({ passages: passages.length, vectors: 'simulated', rounds, wrong }, null, values.json ? 0 : 2),
  )
  await stores.close()
  await embedder.close()
  await encoder.stop()
  await milvus.stop()
  return wrong === 0 ? 0 : 1
}

const lacking = missing(values.data)
if (lacking !== undefined) console.error(`skipped: ${lacking}`)
else {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-indexing-'))
  try {
    process.exitCode = await main(folder)
  } finally {
    await endAll()
    if (process.exitCode === 0) rmSync(folder, { recursive: true, force: true })
    else say(`what is left lies in ${folder}`)
  }
}
