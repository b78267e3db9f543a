import { Fatal } from '../../runtime/errors.ts'

/** What the system says, in words that tell what to do. `%` stands for the path. */
const sentences: Readonly<Record<string, string>> = {
  ENOENT: '% does not exist; check the path',
  EISDIR: '% is a folder; name a file',
  ENOTDIR: '% cannot be reached: a part of its path is a file, not a folder',
  EEXIST: '% cannot be reached: a part of its path is a file, not a folder',
  EACCES: '% may not be opened by this user; change its permissions or the path',
  EPERM: '% may not be changed by this user; change its permissions or the path',
  EROFS: '% lies on a file system that cannot be written to; choose another path',
  ENOSPC: '% cannot be written: the disk is full; free some space and run this again',
  EDQUOT: '% cannot be written: the quota of this user is used up; free some space and run this again',
  EMFILE: '% cannot be opened: this process has too many files open; raise `ulimit -n`',
  ELOOP: '% is a link that leads to itself',
  Z_BUF_ERROR: '% is cut short: its gzip data end too early; copy or download it again',
  Z_DATA_ERROR: '% is damaged: its gzip data do not fit their checksum or format; copy or download it again',
}

/** A failure of the file system or of gzip as a sentence; anything else as it is. */
export const trouble = (path: string, error: unknown): unknown => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = sentences[code]
  if (known)
    return new Fatal(
      known.replace('%', () => path),
      { cause: error },
    )
  return /^(E[A-Z]+|Z_[A-Z_]+)$/.test(code) ? new Fatal(`${path} failed (${code})`, { cause: error }) : error
}
