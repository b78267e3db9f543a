/** The packaged encoder, prepared once in the user's cache as the program itself does it. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { encoderModel } from '../../../adapters/models/encoder.ts'

export const home = process.env['GAINSTREAM_HOME'] ?? join(homedir(), '.cache', 'gainstream')

export const encoderFolder = (): Promise<string> => encoderModel({ home })
