import { askCommand } from './commands/ask.ts'
import { benchCommand } from './commands/bench.ts'
import { collectionsCommand } from './commands/collections.ts'
import { compareCommand } from './commands/compare.ts'
import { configCommand } from './commands/config.ts'
import { datasetsCommand } from './commands/datasets.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { downCommand } from './commands/down.ts'
import { evaluateCommand } from './commands/evaluate.ts'
import { exportCommand } from './commands/export.ts'
import { gainCommand } from './commands/gain.ts'
import { gradeCommand } from './commands/grade.ts'
import { indexCommand } from './commands/index-corpus.ts'
import { labelsCommand } from './commands/labels.ts'
import { modelCommand } from './commands/model.ts'
import { offsetsCommand } from './commands/offsets.ts'
import { recallCommand } from './commands/recall.ts'
import { reproduceCommand } from './commands/reproduce.ts'
import { rejectsCommand } from './commands/rejects.ts'
import { relabelCommand } from './commands/relabel.ts'
import { replayCommand } from './commands/replay.ts'
import { runsCommand } from './commands/runs.ts'
import { selectorCommand } from './commands/selector.ts'
import { startCommand } from './commands/start.ts'
import { statusCommand } from './commands/status.ts'
import { synthesizeCommand } from './commands/synthesize.ts'
import { topicsCommand } from './commands/topics.ts'
import { trainCommand } from './commands/train.ts'
import { upCommand } from './commands/up.ts'
import type { Add } from './program.ts'

/** In the order in which help lists them. */
const single: readonly Add[] = [
  demoCommand,
  indexCommand,
  synthesizeCommand,
  evaluateCommand,
  compareCommand,
  datasetsCommand,
  labelsCommand,
  relabelCommand,
  askCommand,
  gainCommand,
  gradeCommand,
  recallCommand,
  exportCommand,
  trainCommand,
  startCommand,
  statusCommand,
  runsCommand,
  rejectsCommand,
  offsetsCommand,
  replayCommand,
  selectorCommand,
  collectionsCommand,
  topicsCommand,
  doctorCommand,
  upCommand,
  downCommand,
  modelCommand,
  benchCommand,
  configCommand,
]

export const commands: readonly Add[] = [...single, reproduceCommand(single)]
