/** Of the tests that need vLLM. */
import { runnerWithout } from './without.ts'

export default runnerWithout('GAINSTREAM_TEST_WITHOUT_VLLM', 'a vLLM server')
