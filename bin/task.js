#!/usr/bin/env node
// The development tasks behind package.json's scripts. See gainstream.js for why this file is so plain.
import { refusal } from './bootstrap/version.js'

const refused = refusal(process.versions.node, process.execPath)
if (refused) {
  console.error(refused)
  process.exitCode = 1
} else {
  void import('./bootstrap.js').then(({ start }) =>
    start(import.meta.url, () => import('./tasks.js').then(({ run }) => run())),
  )
}
