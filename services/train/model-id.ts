/** What tuned models are called: `ft:<base>:<suffix>:<id>`, the suffix empty when there is none. */
import type { JobRow } from './job.ts'

type Named = Pick<JobRow, 'id' | 'model' | 'suffix'>

// Of the job's own 24 letters, 5 bits each: 60 bits, short enough to type and never met twice.
const idLength = 12

/** The model that a job makes. */
export const modelId = ({ id, model, suffix }: Named) =>
  `ft:${model}:${suffix ?? ''}:${id.split('-')[1]!.slice(0, idLength)}`

/** The model that a job was at a step on the way. */
export const checkpointModelId = (job: Named, step: number) => `${modelId(job)}:ckpt-step-${step}`
