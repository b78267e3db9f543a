import { expect, test } from 'vitest'
import { sized } from '../../../adapters/onnx/workers.ts'

const room = (cores: number, gigabytes: number) => ({ cores, memory: gigabytes * 2 ** 30 })
const small = 23e6
const large = 440e6

test.each([
  ['one worker has all cores where nobody says anything', small, {}, room(8, 32), { workers: 1, threads: 8 }],
  ['workers of two threads each share the cores', small, { threads: 2 }, room(16, 32), { workers: 8, threads: 2 }],
  ['there is one worker at least', small, { threads: 2 }, room(3, 32), { workers: 1, threads: 2 }],
  ['no worker has more threads than there are cores', small, { threads: 8 }, room(2, 8), { workers: 1, threads: 2 }],
  ['copies take a quarter of the memory at most', large, { threads: 2 }, room(32, 8), { workers: 4, threads: 2 }],
  ['what was asked for holds', large, { threads: 1, workers: 7 }, room(2, 1), { workers: 7, threads: 1 }],
])('%s', (_, size, asked, machine, expected) => {
  expect(sized(size, asked, machine)).toEqual(expected)
})
