import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { adapterFileNames, ImportFields } from '../../contract/adapter.ts'
import { ApiError } from '../../contract/errors.ts'
import { fromZod } from '../../infra/http/errors.ts'
import { readForm } from '../../infra/http/multipart.ts'
import { unzip } from '../../infra/zip/unzip.ts'

/**
 * Takes the form of an import: parts `file`, either one zip or the adapter's files under their own names, and fields.
 * The files lie in `directory`, which is made, afterwards.
 * @throws ApiError when the form is not as it should be
 */
export async function receiveAdapter(
  request: Request,
  directory: string,
  maxBytes: number,
): Promise<ImportFields> {
  await mkdir(directory)
  const archive = `${directory}.zip`
  const tooLarge = `the file is larger than the ${maxBytes} bytes that this server takes (MAX_FILE_BYTES)`
  const limits = { part: 'file', maxBytes, tooLarge, maxFiles: adapterFileNames.length }
  const { fields, filenames } = await readForm(request, limits, async (content, filename) => {
    const place = adapterFileNames.includes(filename) ? join(directory, filename) : archive
    await pipeline(content, createWriteStream(place, { flags: 'wx' })).catch((error) => {
      throw error.code === 'EEXIST' ? twice(filename) : error
    })
  })
  const zips = filenames.filter((name) => !adapterFileNames.includes(name))
  if (filenames.length === 0) throw unexpected('the form has no file with a name')
  if (zips.length > 0 && filenames.length > 1)
    throw unexpected(`${zips[0]} is none of ${adapterFileNames.join(', ')}; a zip comes alone`)
  if (zips.length > 0)
    await unzip(archive, directory, { names: adapterFileNames, ignored: ['README.md'], maxBytes })

  const given = ImportFields.safeParse(Object.fromEntries(fields))
  if (!given.success) throw fromZod(given.error)
  return given.data
}

const unexpected = (problem: string) => new ApiError('invalid_value', `file: ${problem}`, { param: 'file' })

const twice = (filename: string) =>
  unexpected(
    adapterFileNames.includes(filename)
      ? `${filename} is there twice`
      : `${filename} is none of ${adapterFileNames.join(', ')}, and a zip comes alone`,
  )
