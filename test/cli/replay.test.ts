import { derivedStreams } from './replay-derived.ts'
import { resent } from './replay-resent.ts'

derivedStreams('embedded')
resent('embedded')
