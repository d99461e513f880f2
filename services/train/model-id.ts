/** What the models of a job are called. */
import { tunedModelId } from '../../contract/model.ts'
import type { JobRow } from './job.ts'

type Named = Pick<JobRow, 'id' | 'model' | 'suffix'>

/** The model that a job makes. */
export const modelId = ({ id, model, suffix }: Named) => tunedModelId(model, suffix, id)

/** The model that a job was at a step on the way. */
export const checkpointModelId = (job: Named, step: number) => `${modelId(job)}:ckpt-step-${step}`
