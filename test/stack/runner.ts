/** Of the tests that need a broker. */
import { runnerWithout } from './without.ts'

export default runnerWithout('GAINSTREAM_TEST_WITHOUT', 'a broker')
