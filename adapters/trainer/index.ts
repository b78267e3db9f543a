/** Fits a cross-encoder on gain groups in a Python of its own, and makes a selector's folder of it. */
export type { Prior, TrainerOptions, TrainingPrecision } from './options.ts'
export { train, type TrainedSelector, type TrainRequest, type TrainingProgress } from './train.ts'
