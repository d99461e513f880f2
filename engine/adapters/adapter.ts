import type { Node } from '../graph/node.ts'
import type { Binding } from '../models/model.ts'
import type { AdapterFiles } from './adapter-files.ts'
import type { Prefix } from './prefix-files.ts'

/** Trainable values by name: each is fed to the graph as the input of that name. */
export type Parameters = Map<string, { shape: readonly number[]; data: Float32Array }>

/** Zeroes random elements of x (N, width) and scales up the others; each place of a model draws its own. */
export type Dropout = (x: Node, width: number) => Node

/** How a model sees an adapter. */
export interface Bindable {
  /** Virtual tokens before the first real one: rows that stand in every layer's cache. */
  readonly virtualTokens: number
  /** The position of the first real token. */
  readonly firstPosition: number
  /**
   * The base's binding with this adapter in it; parameters are graph inputs.
   * @param dropout only while training
   */
  bind(base: Binding, dropout?: Dropout): Binding
}

/** A way of tuning a frozen base: what is trained, how the model sees it, and how it is stored. */
export interface Adapter extends Bindable {
  /** Share of a module's input that is dropped while training. */
  readonly dropout?: number
  /** Initial values; the same seed gives the same values. */
  init(seed: number): Parameters
  /** The rows that stand before a conversation, where the adapter is such rows. */
  prefix?(parameters: Parameters): Promise<Prefix>
  /** The files that keep the trained adapter. */
  files(parameters: Parameters): Promise<AdapterFiles>
}

/** No adapter at all: the base as it is. */
export const bare: Bindable = { virtualTokens: 0, firstPosition: 0, bind: (base) => base }
