/** All areas of the store that are swept. What lies elsewhere is left alone. */
import type { Area } from './area.ts'
import { adapterArea } from './areas/adapters.ts'
import { baseModelArea } from './areas/base-models.ts'
import { datasetArea } from './areas/datasets.ts'
import { fileArea } from './areas/files.ts'
import { stateArea } from './areas/states.ts'
import { uploadArea } from './areas/uploads.ts'

export const areas: readonly Area[] = [
  fileArea,
  uploadArea,
  datasetArea,
  adapterArea,
  stateArea,
  baseModelArea,
]
