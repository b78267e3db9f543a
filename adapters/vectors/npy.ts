import { Fatal } from '../../runtime/errors.ts'
import { bytesAt, fixedRows, sizeOf } from './fixed.ts'
import { numbersOf, widthOf, type NumberKind } from './numbers.ts'
import type { VectorFile } from './vectors.ts'

const kinds: Readonly<Record<string, NumberKind>> = { '<f4': 'float32', '<f2': 'float16' }

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, as numpy writes it and no other way. */
const header = /^\{'descr': (?:'([^']*)'|\[.*\]), 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? ?\}[ \n]*$/

/** Version 1 has two bytes for the length of its header, 2 and 3 have four; 3 says it in UTF-8. */
const headerAt = async (path: string): Promise<{ text: string; offset: number }> => {
  const head = Buffer.from(await bytesAt(path, 0, 12))
  const version = head[6] ?? 0
  if (version < 1 || version > 3) throw new Fatal(`${path} is .npy of version ${version}; 1 to 3 can be read`)
  const [start, length] = version === 1 ? [10, head.readUInt16LE(8)] : [12, head.readUInt32LE(8)]
  if (length > 65_536) throw new Fatal(`${path} is damaged: its header says that it is ${length} bytes long`)
  return { text: Buffer.from(await bytesAt(path, start, length)).toString('utf8'), offset: start + length }
}

/** A matrix in a file of numpy's own format. @throws Fatal for another type of numbers, shape or order, or cut short. */
export const openNpy = async (path: string): Promise<VectorFile> => {
  const { text, offset } = await headerAt(path)
  const [, type = '', fortran, shape = ''] = header.exec(text) ?? []
  if (fortran === undefined) throw new Fatal(`${path} is damaged: its header is none that numpy writes`)
  const kind = kinds[type]
  if (!kind)
    throw new Fatal(
      `${path} holds numbers of type ${type || 'record'}; save it as float32 or float16 in little-endian order`,
    )
  if (fortran === 'True')
    throw new Fatal(`${path} holds its numbers column by column; save it with numpy.ascontiguousarray`)
  const [rows = 0, dimension = 0, ...more] = shape
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number)
  if (rows === 0 || dimension === 0 || more.length > 0)
    throw new Fatal(`${path} has the shape (${shape}); it must have rows and columns`)
  const stride = dimension * widthOf(kind)
  const [size, wanted] = [await sizeOf(path), offset + rows * stride]
  if (size !== wanted)
    throw new Fatal(
      `${path} has ${size} bytes instead of the ${wanted} that its header says; copy or download it again`,
    )
  return fixedRows({ path, offset, stride, rows, dimension, decode: (bytes) => numbersOf(bytes, kind) })
}
