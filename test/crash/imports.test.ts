import { afterAll, expect, test } from 'vitest'
import { killIndex, killQueries } from './imports.ts'
import { scratch } from './material.ts'
import { endAll } from './tool.ts'

const to = scratch()
const long = 300_000
const whole = { lost: 0, doubled: 0, wrong: [] }

afterAll(async () => {
  await endAll()
  to.drop()
})

test(
  'an importer of queries that is killed enters each record once, and the same file again adds nothing',
  async () => {
    expect(await killQueries(to, { kills: 3, seed: 7, records: 10_000 })).toMatchObject(whole)
  },
  long,
)

test(
  'index that is killed puts each passage into the store once, and the same file again changes nothing',
  async () => {
    expect(await killIndex(to, { kills: 3, seed: 7, records: 800 })).toMatchObject(whole)
  },
  long,
)
