import type { Binding } from '../models/model.ts'
import type { AdapterFiles } from './peft.ts'

/** Trainable values by name: each is fed to the graph as the input of that name. */
export type Parameters = Map<string, { shape: readonly number[]; data: Float32Array }>

/** How a model sees an adapter. */
export interface Bindable {
  /** Virtual tokens before the first real one: rows that stand in every layer's cache. */
  readonly virtualTokens: number
  /** The base's binding with this adapter in it; parameters are graph inputs. */
  bind(base: Binding): Binding
}

/** A way of tuning a frozen base: what is trained, how the model sees it, and how it is stored. */
export interface Adapter extends Bindable {
  /** Initial values; the same seed gives the same values. */
  init(seed: number): Parameters
  /** The files that keep the trained adapter. */
  files(parameters: Parameters): Promise<AdapterFiles>
}

/** No adapter at all: the base as it is. */
export const bare: Bindable = { virtualTokens: 0, bind: (base) => base }
