/** The packaged reader, prepared once in the user's cache as the program itself does it. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readerModel } from '../../../adapters/models/reader.ts'

export const home = process.env['GAINSTREAM_HOME'] ?? join(homedir(), '.cache', 'gainstream')

export const readerFile = (): Promise<string> => readerModel({ home })
