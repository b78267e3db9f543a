#!/usr/bin/env node
// The command. This file and bootstrap/version.js keep to syntax that any Node with modules can read, so that an old
// one gets a sentence instead of a SyntaxError; everything else is imported after the check.
import { refusal } from './bootstrap/version.js'

const refused = refusal(process.versions.node, process.execPath)
if (refused) {
  console.error(refused)
  process.exitCode = 1
} else {
  void import('./bootstrap.js').then(({ start, commandLine }) => start(import.meta.url, commandLine))
}
