/** Of the tests that need Milvus. */
import { runnerWithout } from './without.ts'

export default runnerWithout('GAINSTREAM_TEST_WITHOUT_MILVUS', 'a Milvus server')
