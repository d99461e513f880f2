/** Where graphs can run. */
import { InputError } from '../errors.ts'
import { add, input, scalar } from '../graph/build.ts'
import { Session } from './session.ts'

export type Device = 'cpu' | 'webgpu' | 'cuda'

/** What has to be there for a device. */
const needs: Record<Device, string> = {
  cpu: 'ONNX Runtime does not run on this machine',
  webgpu: 'it needs a GPU with a driver for Vulkan, Metal or Direct3D 12',
  cuda:
    "it needs an NVIDIA GPU with CUDA 12, cuDNN 9, and ONNX Runtime's CUDA files, which " +
    '`node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12` fetches',
}

/**
 * Makes sure that a device is there, by a sum that it runs, and holds it until disposed: shaders that are compiled
 * meanwhile stay so for all sessions, which otherwise begin anew when the last one has closed.
 * @throws an InputError that says what is missing when the device cannot be used
 */
export async function openDevice(device: Device): Promise<AsyncDisposable> {
  try {
    const session = await Session.open({ y: add(input('x', [1]), scalar(1)) }, { device, threads: 1 })
    await session.run({ x: { data: Float32Array.of(1), shape: [1] } })
    return session
  } catch (error) {
    // ONNX Runtime puts file, function and condition before what it has to say.
    const reason = (error as Error).message.trim().replace(/^.* was false\. /s, '')
    const message = `the device ${device} cannot be used: ${needs[device]} (${reason})`
    throw new InputError('device_unavailable', message, { cause: error })
  }
}

/** Yields once it is sure that a device is there; throws as `openDevice` does. */
export async function* checkDevice(device: Device): AsyncGenerator<void, void, void> {
  await using _ = await openDevice(device)
  yield
}
