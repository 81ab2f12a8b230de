import * as ort from "onnxruntime-web";
import { readFileSync } from "node:fs";
const names=process.argv.slice(2); ort.env.wasm.numThreads=1;
const b=readFileSync("/tmp/wasm/feeds.bin"); const bin=b.buffer.slice(b.byteOffset,b.byteOffset+b.length);
const C={float32:Float32Array,float16:Uint16Array,int64:BigInt64Array};
const feeds=JSON.parse(readFileSync("/tmp/wasm/feeds.json")).map(r=>Object.fromEntries(Object.entries(r).map(([k,v])=>[k,new ort.Tensor(v.type,new C[v.type](bin,v.at,v.n),v.dims)])));
const S={}; for(const n of names) S[n]=await ort.InferenceSession.create(readFileSync(`/tmp/wasm/${n}.onnx`),{executionProviders:["wasm"],graphOptimizationLevel:"all"});
const t={}; for(const n of names) t[n]=[];
for(let i=0;i<260;i++) for(const n of [...names].sort(()=>Math.random()-.5)){const s=performance.now(); await S[n].run(feeds[i%feeds.length]); const d=performance.now()-s; if(i>=60) t[n].push(d);}
for(const n of names){const a=t[n].sort((x,y)=>x-y); console.log(n, a[100].toFixed(1), a[50].toFixed(1), a[150].toFixed(1));}
