// What the server's background work says of itself: why a job failed, how the gate decided. It comes as English sentences,
// some made of several pieces; `{}` stands for what differs from one to the next.

type Piece = readonly [english: string, chinese: (...found: string[]) => string];

/** A sentence before those that are part of it. */
export const PIECES: readonly Piece[] = [
  ["The worker died during each attempt. Look at its log, then retry.", () => "每次尝试时工作进程都意外终止。请查看其日志后重试。"],
  ["This worker does not know jobs of kind {}.", (kind) => `此工作进程不认识 ${kind} 类型的任务。`],
  ["The model server takes too long to answer those who asked before.", () => "模型服务器尚未答复之前的请求。"],
  ["The model server takes too long to answer.", () => "模型服务器响应超时。"],
  ["The model server does not answer.", () => "模型服务器没有响应。"],
  ["The model server answered {}.", (status) => `模型服务器返回 ${status}。`],
  [" Your clicks and masks are safe; it is asked again.", () => "您的点击和掩码不受影响；会再次询问它。"],
  ["The file of image {} is not in the storage.", (image) => `存储中没有图片 ${image} 的文件。`],
  ["The stored file of image {} is damaged.", (image) => `存储中图片 ${image} 的文件已损坏。`],
  ["{} is damaged in the storage.", (name) => `存储中的 ${name} 已损坏。`],
  [
    "{} was trained on another encoder than the live model's. The images wait: train a detector on the live model and promote it, then this goes on by itself.",
    (version) => `${version} 是用另一个编码器训练的，与线上模型不同。图片会等待：请用线上模型训练并上线检测器，之后会自动继续。`,
  ],
  ["Snapshot {} has no mask to train on outside its frozen part.", (number) => `快照 ${number} 除冻结部分外没有可训练的掩码。`],
  [
    "The gate needs {} frozen images with masks to compare on; there are {} so far.",
    (need, have) => `上线门槛需要 ${need} 张带掩码的冻结图片，目前有 ${have} 张。`,
  ],
  ["Run {} of this project has not ended yet.", (run) => `本项目的训练 ${run} 尚未结束。`],
  ["Run {} does not wait for a checkpoint from elsewhere.", (run) => `训练 ${run} 不等待外部权重。`],
  ["The disk of this run's folder is full. Its last checkpoint is kept: make room, then retry.", () => "训练文件夹所在磁盘已满。上一个检查点已保留：请腾出空间后重试。"],
  ["A program of an earlier attempt at this run has not ended yet.", () => "此训练上一次尝试的程序尚未结束。"],
  ["The program {} was stopped.", (name) => `程序 ${name} 被停止。`],
  ["The program {} was ended by {}.", (name, signal) => `程序 ${name} 被 ${signal} 终止。`],
  [" The machine's memory may have run out.", () => "机器内存可能已用尽。"],
  ["The training ended without a model/config.json and model/model.safetensors.", () => "训练结束，但没有产生 model/config.json 和 model/model.safetensors。"],
  ["The training hook was not reached: {}.", (why) => `无法连接外部训练的通知地址：${why}。`],
  ["The training hook answered {}.", (status) => `外部训练的通知地址返回 ${status}。`],
  ["A checkpoint is a .zip archive, and this one is damaged or none.", () => "权重文件应为 .zip 压缩包；此文件已损坏或不是压缩包。"],
  ["Send one .zip archive.", () => "请发送一个 .zip 压缩包。"],
  ["A checkpoint holds {} and {}, and nothing else.", (one, other) => `权重压缩包只包含 ${one} 和 ${other}。`],
  ["config.json is no JSON object.", () => "配置文件不是 JSON 对象。"],
  ["Another architecture: model_type is {}; known are {}", (found, known) => `架构不同：${found}；可用的有 ${known}`],
  [
    "model.safetensors is cut off or no safetensors file. Pickled weights are never opened.",
    () => "权重文件不完整或格式不符。可能含有代码的序列化权重绝不会被打开。",
  ],
  ["{} is too large or encrypted.", (name) => `${name} 过大或已加密。`],
  ["The checkpoint is not in the storage any more.", () => "权重文件已不在存储中。"],
  ["The checkpoint is damaged: {}", (why) => `权重文件已损坏：${why}`],
  ["Waiting for the checkpoint from {}.", (host) => `正在等待来自 ${host} 的权重文件。`],
  ["It was cancelled.", () => "已取消。"],
  ["No mask reached the thresholds of automatic masks.", () => "没有掩码达到自动掩码的阈值。"],
  ["The model could not look at it: {}", (why) => `模型无法处理此图片：${why}`],
  ["The files of {} were replaced: {} was measured.", (live, measured) => `${live} 的文件已被替换：测量的是 ${measured}。`],

  ["There is no frozen mask to compare on: more images need masks.", () => "没有可用于比较的冻结掩码：需要更多带掩码的图片。"],
  ["Too little evidence: {} masks on {} frozen images", (masks, images) => `依据不足：${images} 张冻结图片上有 ${masks} 个掩码`],
  ["; the gate needs {} images.", (needed) => `；上线门槛需要 ${needed} 张图片。`],
  ["Too little evidence: {} frozen images with masks; the gate needs {}.", (images, needed) => `依据不足：只有 ${images} 张带掩码的冻结图片；上线门槛需要 ${needed} 张。`],
  [". There is no general set to compare on.", () => "。没有可用于比较的通用图片集。"],
  [". That does not show ", () => "。这不足以证明"],
  ["a gain above {}.", (least) => `提升超过 ${least}。`],
  ["a gain.", () => "有提升。"],
  [" Meanwhile another version went live, so this one waits for an administrator.", () => "期间另有版本上线，因此此版本等待管理员决定。"],
  [" on the general set: {}, more than the {} it may lose.", (change, most) => `（通用图片集）：${change}，超出允许的下降 ${most}。`],
  [" on the general set: {}.", (change) => `（通用图片集）：${change}。`],
  [
    ": {} (95 % interval {} to {}, {} frozen masks on {} images)",
    (gain, low, high, masks, images) => `：${gain}（95 % 区间 ${low} 至 ${high}，${images} 张图片上的 ${masks} 个冻结掩码）`,
  ],
  [", but ", () => "，但 "],
  ["IoU after one click", () => "一次点击后的 IoU"],
  ["IoU after three clicks", () => "三次点击后的 IoU"],
  ["clicks to IoU 0.85", () => "达到 IoU 0.85 的点击数"],
  ["Average recall of 100 boxes", () => "100 个框的平均召回率"],
  [" ({} interval {} to {})", (share, low, high) => `（${share} 区间 ${low} 至 ${high}）`],
  [" on {} frozen images with {} masks", (images, masks) => `，基于 ${images} 张冻结图片上的 ${masks} 个掩码`],
  ["; nothing to compare with, ", () => "；无法比较："],
  [
    ", but {} cannot be measured beside it; promote it by hand if it finds more.",
    (live) => `，但 ${live} 无法与之一同测量；如果它找到的更多，请手动上线。`,
  ],
  ["there is none yet.", () => "尚无线上检测器。"],
  ["the live one reads another encoder's embeddings.", () => "线上检测器使用另一个编码器的结果。"],
];

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** What differs is a name, a number or, at the end, somebody else's words. */
const patternOf = (english: string): RegExp => {
  const pieces = english.split("{}").map(escaped);
  const isOpenEnded = english.endsWith("{}");
  const end = english.endsWith(".") ? "(?!\\S)" : ""; // a point within a number ends nothing
  return new RegExp(pieces.map((piece, i) => (i === 0 ? piece : `${isOpenEnded && i === pieces.length - 1 ? "(.+)" : "(\\S+?(?: %)?)"}${piece}`)).join("") + end, "g");
};

const patterns = PIECES.map(([english, chinese]) => ({ pattern: patternOf(english), chinese }));

/** A sentence nobody has translated stays as it is. */
export const reasonInChinese = (theirs: string): string =>
  patterns.reduce((text, { pattern, chinese }) => text.replace(pattern, (_all: string, ...found: unknown[]) => chinese(...found.slice(0, -2).map(String))), theirs);
