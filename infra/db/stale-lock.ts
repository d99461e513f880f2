import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/**
 * Removes the lock file that a Postgres which died left in its directory, where Postgres itself does not dare to: the
 * file is empty, or its process id belongs to some other program by now.
 */
export async function removeStaleLock(directory: string): Promise<void> {
  const file = path.join(directory, 'postmaster.pid')
  const lines = await readFile(file, 'utf8').catch(() => undefined)
  if (lines === undefined) return
  const pid = Number.parseInt(lines, 10)
  if (pid && !(await isOtherProgram(pid))) return
  await rm(file, { force: true })
}

/** Whether a live process is known to be no Postgres; of a process that is gone, Postgres finds out itself. */
async function isOtherProgram(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(async () => {
    const ps = await promisify(execFile)('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => undefined)
    return ps?.stdout ?? '' // no such process, or no such command
  })
  return name.trim() !== '' && !name.includes('postgres')
}
