/** The two lines a job waits in: to have its files validated, then to be trained. */
export const queueNames = { validation: 'validate-jobs', training: 'train-jobs' }
