/** The two lines a job waits in: to have its files validated, then to be trained. */
export const queues = {
  validation: { name: 'validate-jobs', retries: 3 },
  // A run goes on from its last state however often its worker dies; the job itself counts those that got no further.
  training: { name: 'train-jobs', retries: 1000 },
}
