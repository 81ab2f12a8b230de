// ONNX Runtime in the worker. Its own files are named one by one: the entry that bundles them hangs with threads, because
// its threads would load our worker again.
import * as ort from "onnxruntime-web/wasm";
import mjsUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Description } from "./description";
import type { Embedding } from "./fetching";
import type { Inputs } from "./replay";
import type { Outputs } from "./rules";

// On two cores threads only spin against the renderer.
const cores = navigator.hardwareConcurrency;
export const THREADS = cores <= 2 ? 1 : Math.min(4, cores - 1);

ort.env.wasm.numThreads = THREADS;
ort.env.wasm.wasmPaths = { wasm: new URL(wasmUrl, self.location.href).href, mjs: new URL(mjsUrl, self.location.href).href };
ort.env.logLevel = "error";

export interface Decoder {
  readonly description: Description;
  run(embedding: Embedding, inputs: Inputs): Promise<Outputs>;
  release(): Promise<void>;
}

export async function openDecoder(model: ArrayBuffer, description: Description): Promise<Decoder> {
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  const low = description.low_size;
  const noMask = new Float32Array(low * low);
  return {
    description,
    async run({ layout, features }, { points, labels, maskInput }) {
      const feeds: Record<string, ort.Tensor> = {
        points: new ort.Tensor("float32", points, [1, labels.length, 2]),
        labels: new ort.Tensor("float32", labels, [1, labels.length]),
        mask_input: new ort.Tensor("float32", maskInput ?? noMask, [1, 1, low, low]),
        has_mask_input: new ort.Tensor("float32", Float32Array.of(maskInput === null ? 0 : 1), [1]),
      };
      features.forEach((feature, i) => {
        feeds[`features_${i}`] = new ort.Tensor("float16", feature, [1, ...(layout.features[i]?.shape ?? [])]);
      });
      const { logits, predicted_iou: predictedIou } = await session.run(feeds);
      return { logits: logits?.data as Float32Array, predictedIou: predictedIou?.data as Float32Array };
    },
    release: () => session.release(),
  };
}
