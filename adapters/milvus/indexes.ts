/** Which index the vectors of a collection have, by how many there are, and how each is searched. */
import type { Client } from './client.ts'

export type IndexSetting = 'auto' | 'flat' | 'hnsw' | 'ivf_rabitq' | 'diskann'
export type IndexKind = Exclude<IndexSetting, 'auto'>

/** Up to here comparing with all of them takes a few milliseconds, and finds exactly the nearest. */
export const mostFlat = 10_000
/**
 * Bytes of vectors and links that one machine is taken to hold in memory: 32 GiB, 17 million passages of 384 numbers.
 * Beyond, IVF_RABITQ keeps a bit of each number and a byte of it for the last choice: a quarter of the memory.
 * DISKANN needs local NVMe disks and is never chosen unasked.
 */
export const mostMemory = 32 * 2 ** 30
const links = 16

export interface Size {
  readonly rows: number
  readonly dimension: number
}

const bytesOf = ({ rows, dimension }: Size) => rows * (4 * dimension + 2 * 4 * links)

/** What an index is to be for a collection of this size. */
export const indexFor = (setting: IndexSetting, size: Size, { lite }: Pick<Client, 'lite'>): IndexKind => {
  if (setting !== 'auto') return setting
  if (size.rows <= mostFlat) return 'flat'
  return lite || bytesOf(size) <= mostMemory ? 'hnsw' : 'ivf_rabitq'
}

/** Why a server cannot have an index, as a sentence; undefined where it can. */
export const impossible = (kind: IndexSetting, { lite, name }: Pick<Client, 'lite' | 'name'>): string | undefined =>
  lite && (kind === 'ivf_rabitq' || kind === 'diskann')
    ? `${name} is Milvus Lite, which has no index ${kind}: set store.index to auto, flat or hnsw, or use a standalone Milvus`
    : undefined

/** Four times the root of the rows, as is usual for IVF; a power of two. */
const lists = (rows: number) => 2 ** Math.min(16, Math.max(7, Math.round(Math.log2(4 * Math.sqrt(Math.max(1, rows))))))

interface Recipe {
  readonly type: string
  readonly build: (rows: number) => Record<string, string | number | boolean>
  /** @param limit how many are asked for */
  readonly search: (limit: number) => Record<string, number>
}

const recipes: Record<IndexKind, Recipe> = {
  flat: { type: 'FLAT', build: () => ({}), search: () => ({}) },
  hnsw: {
    type: 'HNSW',
    build: () => ({ M: links, efConstruction: 200 }),
    search: (limit) => ({ ef: Math.max(200, 4 * limit) }),
  },
  ivf_rabitq: {
    type: 'IVF_RABITQ',
    build: (rows) => ({ nlist: lists(rows), refine: true, refine_type: 'SQ8' }),
    search: () => ({ nprobe: 128, rbq_query_bits: 6, refine_k: 4 }),
  },
  diskann: { type: 'DISKANN', build: () => ({}), search: (limit) => ({ search_list: Math.max(100, 2 * limit) }) },
}

export const recipeOf = (kind: IndexKind): Recipe => recipes[kind]

/** By the name that Milvus has for it. */
export const kindOf = (type: string): IndexKind | undefined =>
  (Object.keys(recipes) as IndexKind[]).find((kind) => recipes[kind].type === type.toUpperCase())
