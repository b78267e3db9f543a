/** What a training can be told, with the names that the Python trainer has for it (python/selector-trainer). */

export type TrainingPrecision = 'auto' | 'fp32' | 'bf16' | 'fp16'
/** Where the retrieval prior's weights begin: none (no prior), those of material.json, or zero. */
export type Prior = 'none' | 'material' | 'zero'

/** All of them have a default: the paper's, where it says one. */
export interface TrainerOptions {
  /** Passages of a group: the positive, and negatives drawn anew each epoch (16). */
  readonly group_size: number
  /** Groups that one process takes for a step, before `accumulation` (8). */
  readonly groups: number
  readonly accumulation: number
  readonly epochs: number
  readonly learning_rate: number
  readonly weight_decay: number
  /** Share of the steps in which the learning rate rises (0.1). */
  readonly warmup: number
  /** The teacher's softmax is over score / temperature (1). */
  readonly temperature: number
  /** Too small a group is filled with its own negatives again, as published. */
  readonly repeat: boolean
  /** Query, passage and special tokens together (512). */
  readonly max_tokens: number
  readonly seed: number
  /** `auto`: bfloat16 where the processor multiplies it by itself, else full. */
  readonly precision: TrainingPrecision
  /** Activations are computed twice instead of kept. */
  readonly checkpointing: boolean
  /** Evaluations on the development split in an epoch (2), and how many without a gain end the training (0: none). */
  readonly evaluations: number
  readonly patience: number
  /** Steps between two checkpoints; 0: at each evaluation only. */
  readonly save_steps: number
  readonly prior: Prior
  /** The prior's weights stay as they began. */
  readonly prior_frozen: boolean
  /** `auto`: the base's own head where it has one. `fresh`: a new one. */
  readonly head: 'auto' | 'fresh'
  /** Processes through torchrun. */
  readonly processes: number
  readonly threads: number
}
