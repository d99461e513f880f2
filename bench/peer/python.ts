import { join } from 'node:path'
import { pythonWith } from '../python.ts'

/** A Python that has PyTorch, transformers and PEFT, some gigabytes; PREAMBLE_PEER_PYTHON names another. */
export const peerPython = async (): Promise<string> =>
  process.env.PREAMBLE_PEER_PYTHON || pythonWith('peer', join(import.meta.dirname, 'requirements.txt'))
